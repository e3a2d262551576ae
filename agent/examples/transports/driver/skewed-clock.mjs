/**
 * A wrong clock, for processes started with it: `EXAMPLE_SKEW_MS` milliseconds ahead, or behind. With
 * one clock on one machine causality would hold by itself; here it holds because messages carry it.
 */
const skewMs = Number(process.env.EXAMPLE_SKEW_MS ?? 0);
const rightNow = Date.now;
Date.now = () => rightNow() + skewMs;
Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + skewMs });
