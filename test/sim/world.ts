/**
 * One simulated world: joins time, network, disks, machines, the collector, the ledger and the judge, and
 * lets what the scenario says happen.
 */
import type { Agent } from "../../agent/agent.ts";
import { RetroError } from "../../agent/kernel/index.ts";
import type { Cut, History, Selection } from "../../collector/cut/history.ts";
import { CaptureDrill } from "./capture-drill.ts";
import { Chance } from "./chance.ts";
import { Checker } from "./checker.ts";
import { Counts } from "./counts.ts";
import { ClockJudge } from "./judge-clock.ts";
import { Ledger, type ProcessLedger } from "./ledger.ts";
import { NodeClock } from "./node-clock.ts";
import { PageDrill } from "./page-drill.ts";
import { SavedDrill } from "./saved-drill.ts";
import type { Scenario } from "./scenario.ts";
import { SimCollector } from "./sim-collector.ts";
import { COLLECTOR, SimNetwork } from "./sim-network.ts";
import { SimNode } from "./sim-node.ts";
import { VirtualFiles } from "./virtual-files.ts";
import { VirtualTime } from "./virtual-time.ts";

const TICKS_PER_MS = 4096;
/** Mean time between two questions. */
const ASK_MS = 300;
/** All agents here have one process id, which tells twins apart: a second would be told from the first by it. */
const MAX_TWINS = 1;
/** What an orderly stop of the collector takes at most, virtual. */
const END_MS = 60_000;
/** What questions may be refused with. */
const FAIR_REFUSALS: readonly string[] = ["outside-retention", "unknown-node", "unknown-log"];

export class World {
  readonly scenario: Scenario;
  readonly time = new VirtualTime();
  readonly chance: Chance;
  readonly counts = new Counts();
  readonly ledger = new Ledger(() => this.time.nowMs);
  readonly files: VirtualFiles;
  readonly collector: SimCollector;
  readonly network: SimNetwork;
  readonly checker: Checker;
  readonly clocks: ClockJudge;
  readonly captures: CaptureDrill;
  readonly pages: PageDrill;
  readonly saved: SavedDrill;
  readonly nodes: SimNode[] = [];
  /** Services do nothing any more. */
  isStill = false;
  #isOver = false;
  #twinCount = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.chance = new Chance(scenario.seed);
    const { time, counts, ledger } = this;
    this.files = new VirtualFiles(time, this.chance.fork());
    this.collector = new SimCollector(time, scenario, this.chance.fork(), counts);
    this.checker = new Checker(ledger, scenario, counts, () => time.nowMs);
    this.clocks = new ClockJudge(this.checker);
    const chance = this.chance.fork();
    this.network = new SimNetwork(time, scenario, chance, counts, ledger, this.collector);
    for (const plan of scenario.nodes) this.nodes.push(new SimNode(this, plan, plan.name));
    this.captures = new CaptureDrill(this);
    this.pages = new PageDrill(this);
    this.saved = new SavedDrill(this);
  }

  /** Nothing happens any more: what is there is read back. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isCalm(): boolean {
    return this.network.isCalm;
  }

  /**
   * Whether services still change their state. Once all is calm they rest, so that what was lost must be
   * told again by keyframes. A keyframe that was refused for good waits for the next change of its log.
   */
  get changesGoOn(): boolean {
    const { corrupted, tooLarge } = this.scenario.requests;
    return !this.isCalm || corrupted > 0 || tooLarge > 0;
  }

  /** Starts everything, and what will happen to it. */
  start(): void {
    const { happenings } = this.scenario;
    this.files.fullRate = this.chance.isTrue(0.2) ? 0.2 : 0;
    this.collector.start();
    for (const node of this.nodes) this.time.after(this.chance.below(500), () => node.start());
    this.#every(ASK_MS, () => this.#ask());
    this.#every(happenings.partitionMs, () => this.#partition());
    this.#every(happenings.killMs, () => this.#restart(this.chance.pick(this.nodes), "kill"));
    this.#every(happenings.leaveMs, () => this.#restart(this.chance.pick(this.nodes), "leave"));
    this.#every(happenings.twinMs, () => this.#addTwin());
    this.#every(happenings.stepMs, () => this.#step());
    this.#every(happenings.floodMs, () => this.chance.pick(this.nodes).flood());
    this.#every(happenings.commandMs, () => this.#command());
    this.#every(happenings.captureMs, () => this.captures.ask());
    this.#every(happenings.captureMs, () => this.captures.lookInside());
    this.#every(happenings.triggerMs, () => this.captures.trigger());
    this.pages.start();
    this.saved.start();
    this.#every(happenings.collectorCrashMs, () => {
      this.collector.crash();
      this.time.after(this.chance.between(0, 3_000), () => this.collector.start());
    });
    this.#every(happenings.collectorStopMs, () => {
      void this.collector.stop().then(() => {
        this.time.after(this.chance.between(0, 3_000), () => this.collector.start());
      });
    });
  }

  /** No more faults: everything is up again and can be reached. */
  calm(): void {
    this.network.calm();
    // What is judged from here on is as old as the slowest clock says.
    this.collector.isRetaining = false;
    void this.collector.keeping?.close();
    this.collector.disk.faults = { flushMs: 2, slow: 0, full: 0 };
    this.files.fullRate = 0;
    this.collector.start();
    for (const node of this.nodes) node.start();
  }

  /** The end: nothing more happens to anybody, and the collector that answers then stays. */
  async end(): Promise<void> {
    this.#isOver = true;
    // Reading takes turns of virtual time; a stop under way would take the timers of its questions with it.
    await this.time.until(this.collector.stopped(), END_MS);
    this.collector.start();
  }

  /** Closes a process's books: created = acknowledged + dropped + queued, and on demand + kept in the window. */
  noteCreated(agent: Agent, process: ProcessLedger): void {
    const { recorded, acknowledged, dropped, drops, queued, kept, ownErrors } = agent.stats();
    const epoch = process.epochs.at(-1);
    if (epoch !== undefined) epoch.createdCount = recorded - epoch.base;
    if (recorded !== acknowledged + dropped + queued + kept) {
      const books = JSON.stringify({ recorded, acknowledged, dropped, queued, kept });
      this.checker.fail("the books do not close", `${agent.node}/${agent.epoch} ${books}`);
    }
    const told = process.epochs.reduce((sum, { ackedCount }) => sum + ackedCount, 0);
    if (acknowledged > told && !process.epochs.some(({ isDouble }) => isDouble)) {
      this.checker.fail(
        "more in the books than was acknowledged",
        `${agent.node}: ${acknowledged}, ${told}`,
      );
    }
    const reasons = Object.values(drops).reduce((sum, count) => sum + count, 0);
    if (reasons !== dropped) {
      this.checker.fail(
        "drops without a reason",
        `${agent.node}: ${dropped}, ${JSON.stringify(drops)}`,
      );
    }
    if (ownErrors > 0) {
      this.checker.fail("an error of the agent's own", `${agent.node}: ${agent.healthReason}`);
    }
  }

  /** One question now, judged; undefined: no answer. */
  askAt(t: number, selection: Selection = {}): Cut | undefined {
    const { history } = this.collector;
    if (history === undefined) return undefined;
    try {
      const cut = history.cutAt(t as never, selection);
      this.checker.judge(cut, selection);
      return cut;
    } catch (error) {
      if (!(error instanceof RetroError) || !FAIR_REFUSALS.includes(error.code)) throw error;
      this.counts.add(`question refused: ${error.code}`);
      return undefined;
    }
  }

  #every(meanMs: number, happen: () => void, goesOn: boolean = false): void {
    if (meanMs === 0) return;
    const ms = Math.round(-Math.log(1 - this.chance.next()) * meanMs);
    this.time.after(ms, () => {
      if (this.#isOver || (this.isCalm && !goesOn)) return;
      happen();
      this.#every(meanMs, happen, goesOn);
    });
  }

  #ask(): void {
    const { history } = this.collector;
    if (history === undefined) return;
    this.checker.watch(history);
    const counts = this.collector.keeping?.retention.counts;
    if (counts !== undefined && counts.pieceCount > 0) this.counts.add("asked after pruning");
    const t = this.#timeToAsk(history);
    this.askAt(t, this.chance.isTrue(0.3) ? this.#selection() : {});
  }

  #timeToAsk(history: History): number {
    const { chance } = this;
    const node = chance.pick(this.nodes);
    const process = chance.pick(
      this.ledger.processes.length === 0 ? [undefined] : this.ledger.processes,
    );
    switch (chance.below(4)) {
      case 0:
        return node.clock.ticks() - chance.below(10_000 * TICKS_PER_MS);
      case 1:
        return (history.liveWatermark() ?? node.clock.ticks()) + chance.between(-2, 1);
      default: {
        const t =
          process === undefined ? undefined : process.times[chance.below(process.times.length)];
        return (t ?? node.clock.ticks()) + chance.between(-1, 1);
      }
    }
  }

  #selection(): Selection {
    const { chance, scenario } = this;
    return {
      ...(chance.isTrue(0.5) ? { nodes: [chance.pick(scenario.nodes).name] } : {}),
      ...(chance.isTrue(0.5) ? { logs: [`log${chance.below(scenario.logCount)}`] } : {}),
      ...(chance.isTrue(0.5) ? { keys: [`k${chance.below(scenario.keyCount)}`, "set0"] } : {}),
    };
  }

  #partition(): void {
    const { chance } = this;
    const places = [COLLECTOR, ...this.nodes.map((node) => node.name)];
    const [from, to] = [chance.pick(places), chance.pick(places)];
    const ms = chance.between(200, 6_000);
    this.network.cutOff(from, to, ms);
    if (chance.isTrue(0.7)) this.network.cutOff(to, from, ms);
  }

  #restart(node: SimNode, how: "kill" | "leave"): void {
    const startAgain = (): void => {
      this.time.after(this.chance.between(0, 4_000), () => node.start());
    };
    if (how === "kill") {
      node.kill();
      startAgain();
    } else void node.leave().then(startAgain);
  }

  /** A second process with the id of one that runs. */
  #addTwin(): void {
    if (this.#twinCount >= MAX_TWINS) return;
    this.#twinCount += 1;
    const plan = this.chance.pick(this.scenario.nodes);
    const clock = new NodeClock(this.time, plan.skewMs, plan.drift);
    const twin = new SimNode(this, { ...plan, keepsData: false }, `twin${this.#twinCount}`, clock);
    this.nodes.push(twin);
    this.counts.add("node: twin started");
    twin.start();
  }

  #step(): void {
    const { chance } = this;
    const ms = chance.pick([1, 20, 500, 5_000]) * (1 + chance.next());
    chance.pick(this.nodes).stepClock(chance.isTrue(0.5) ? ms : -ms);
  }

  #command(): void {
    const { chance } = this;
    const { name: node } = chance.pick(this.scenario.nodes);
    const commands = [
      { command: "keyframe", node, logs: null },
      { command: "slow", node, intervalMs: chance.below(300) },
      { command: "poll", node, forMs: 2_000 },
    ] as const;
    this.collector.ingest?.commands.push(chance.pick(commands));
    this.counts.add("collector: command");
  }
}
