/** The door `retroscope/collector`: run a collector inside a program of your own. */
export { type Collector, type CollectorOptions, createCollector } from "./collector.ts";
