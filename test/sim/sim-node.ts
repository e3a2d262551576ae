/**
 * A machine with a clock and a disk, on which a service with the real agent runs, is closed, killed and
 * started again. Whatever it does goes into the ledger.
 */
import { Agent } from "../../agent/agent.ts";
import { resolveConfig } from "../../agent/config.ts";
import { AnchoredClock } from "../../agent/kernel/index.ts";
import type { Scheduler } from "../../agent/shipping/scheduler.ts";
import type { Chance } from "./chance.ts";
import { EpochLedger, type Message, type ProcessLedger } from "./ledger.ts";
import { NodeClock } from "./node-clock.ts";
import type { NodePlan } from "./scenario.ts";
import type { Sender } from "./sim-network.ts";
import { SIMULATED_ROOT } from "./virtual-files.ts";
import { type Done, Workload } from "./workload.ts";
import type { World } from "./world.ts";

/** Stamps between an event and what the agent records by itself in the same moment, at most. */
const OWN_EVENTS = 64;
const HEADER = "retroscope-hlc";

/** One running process. */
interface Service extends Sender {
  isAlive: boolean;
  isClosing: boolean;
  readonly agent: Agent;
  readonly ledger: ProcessLedger;
  readonly workload: Workload;
  readonly inbox: Message[];
  /** Logs that it has changed. */
  readonly logs: Set<string>;
  epoch: EpochLedger | undefined;
}

export class SimNode {
  readonly name: string;
  readonly clock: NodeClock;
  readonly #world: World;
  readonly #plan: NodePlan;
  readonly #chance: Chance;
  readonly #directory: string;
  #service: Service | undefined;
  startCount = 0;

  constructor(world: World, plan: NodePlan, machine: string, clock?: NodeClock) {
    this.#world = world;
    this.#plan = plan;
    this.name = machine;
    this.#chance = world.chance.fork();
    this.clock = clock ?? new NodeClock(world.time, plan.skewMs, plan.drift);
    this.#directory = `${SIMULATED_ROOT}${machine}`;
  }

  /** Whether its epoch file is what its last process left. */
  get keepsData(): boolean {
    return this.#plan.keepsData && this.#world.files.failedCount === 0;
  }

  /** Whether it ships only what is asked for. */
  get isOnDemand(): boolean {
    return this.#plan.stream === "on-demand";
  }

  get isUp(): boolean {
    return this.#service !== undefined;
  }

  get agent(): Agent | undefined {
    return this.#service?.agent;
  }

  /** The ledger's account of the running process. */
  get process(): ProcessLedger | undefined {
    return this.#service?.ledger;
  }

  start(): void {
    if (this.#service !== undefined) return;
    this.startCount += 1;
    const { scenario, network, ledger, counts } = this.#world;
    const life = {
      machine: this.name,
      isAlive: true,
      isClosing: false,
      ledger: ledger.newProcess(),
      workload: new Workload(this.#chance.fork(), scenario),
      inbox: [],
      logs: new Set<string>(),
      epoch: undefined,
      noticeEpoch: () => this.#noticeEpoch(service),
    };
    const config = resolveConfig(
      {
        service: "simulated",
        node: this.#plan.name,
        hooks: "none",
        quiet: true,
        maxDriftMs: scenario.maxDriftMs,
        stream: this.#plan.stream,
        windowBytes: scenario.windowBytes,
        ...(this.isOnDemand ? { windowMs: scenario.windowMs } : {}),
        queueBytes: scenario.queueBytes,
        flushIntervalMs: scenario.flushIntervalMs,
        ...(this.#plan.keepsData ? { dataDir: this.#directory } : {}),
      },
      { env: {}, pid: 1, script: "simulated", threadId: 0, isFork: false },
    );
    const agent = new Agent(config, {
      clock: new AnchoredClock(this.clock),
      transport: network.transportOf(life),
      scheduler: this.#schedulerOf(life),
    });
    // Of a capture that is refused the events stay in the window: they count as kept.
    life.ledger.droppedCount = () =>
      this.isOnDemand ? Number.POSITIVE_INFINITY : agent.stats().dropped;
    const service: Service = Object.assign(life, { agent });
    this.#service = service;
    counts.add("node: started");
    this.#noticeEpoch(service);
    this.#workLater(service);
  }

  /** As SIGKILL: nothing it had planned happens any more. */
  kill(): void {
    const service = this.#service;
    if (service === undefined) return;
    this.#noticeEpoch(service);
    this.#end(service);
    this.#world.files.kill(this.#directory);
    this.#world.counts.add("node: killed");
  }

  /** Closes the agent in order, then ends the process. */
  async leave(): Promise<void> {
    const service = this.#service;
    if (service === undefined || service.isClosing) return;
    this.#record(service, () => ({ t: service.agent.mark("bye"), changes: [{ kind: "mark" }] }));
    service.isClosing = true;
    const { epoch } = service;
    const t = service.ledger.times.at(-1) as number;
    if (epoch !== undefined) {
      epoch.leftAfter = t;
      epoch.leftBefore = t + OWN_EVENTS;
    }
    this.#world.counts.add("node: left");
    await service.agent.close();
    if (service.isAlive) this.#end(service);
  }

  flood(): void {
    const service = this.#service;
    if (service === undefined || service.isClosing) return;
    const count = this.#chance.between(500, 6_000);
    this.#world.counts.add("node: flood");
    this.#recordAll(service, service.workload.flood(service.agent, count));
  }

  /** The service asks for a capture everywhere; the mark is an event as any. Its time, if it could. */
  trigger(): number | undefined {
    const service = this.#service;
    if (service === undefined || service.isClosing) return undefined;
    this.#world.counts.add("node: trigger");
    let at: number | undefined;
    this.#record(service, () => {
      const t = service.agent.trigger("something is wrong");
      at = t;
      return { t, changes: [{ kind: "mark" }] };
    });
    return at;
  }

  stepClock(ms: number): void {
    this.clock.step(ms);
    this.#world.counts.add(ms < 0 ? "clock: stepped back" : "clock: stepped forward");
  }

  /** A message is at the door; it is handled now or with the next piece of work. */
  arrive(message: Message): void {
    const service = this.#service;
    if (service === undefined || service.isClosing || this.#world.isStill) return;
    if (this.#chance.isTrue(0.5)) this.#receive(service, message);
    else service.inbox.push(message);
  }

  #end(service: Service): void {
    service.isAlive = false;
    service.ledger.isEnded = true;
    this.#world.clocks.ended(this, service.ledger);
    this.#world.noteCreated(service.agent, service.ledger);
    if (this.#service === service) this.#service = undefined;
  }

  #schedulerOf(life: Pick<Sender, "isAlive" | "noticeEpoch">): Scheduler {
    const { time } = this.#world;
    return {
      nowMs: () => this.clock.monotonicMs(),
      random: () => this.#chance.next(),
      after: (delayMs, run) =>
        time.after(this.clock.trueMs(delayMs), () => {
          if (!life.isAlive) return;
          run();
          life.noticeEpoch();
        }),
    };
  }

  #workLater(service: Service): void {
    const { time, scenario } = this.#world;
    const mean = this.#world.isCalm ? 20 * scenario.workMs : scenario.workMs;
    time.after(Math.round(-Math.log(1 - this.#chance.next()) * mean), () => {
      if (!service.isAlive || service.isClosing || this.#world.isStill) return;
      this.#work(service);
      this.#workLater(service);
    });
  }

  #work(service: Service): void {
    const { scenario } = this.#world;
    this.#noticeEpoch(service);
    for (let i = this.#chance.below(4); i >= 0; i -= 1) {
      if (this.#world.changesGoOn) {
        this.#record(service, () => service.workload.change(service.agent));
      }
      if (this.#chance.isTrue(scenario.sends)) this.#send(service);
    }
    for (const message of service.inbox.splice(0)) this.#receive(service, message);
  }

  #send(service: Service): void {
    const others = this.#world.nodes.filter((node) => node !== this);
    if (others.length === 0) return;
    const to = this.#chance.pick(others);
    const message = this.#stamp(service);
    if (message === undefined) return;
    this.#world.network.carry(this.name, to.name, () => to.arrive(message));
  }

  /** Records a send; undefined: the agent is off. */
  #stamp(service: Service): Message | undefined {
    const headers: Record<string, unknown> = {};
    const { agent, ledger } = service;
    const t = agent.stamp(headers);
    const header = String(headers[HEADER]);
    const { node, epoch: number, seq } = readHeader(header);
    let epoch = service.epoch;
    if (epoch === undefined || epoch.epoch !== number || epoch.node !== node) {
      epoch = this.#openEpoch(service, node, number, seq, t);
    }
    this.#world.clocks.stamped(this, ledger, t, false);
    ledger.note(epoch, seq, { t, kind: "send" });
    const id = `${node}/${number}/${seq}`;
    const vector = ledger.vector;
    const message: Message = { epoch, seq, t, id, header, vector, receives: [] };
    this.#world.ledger.addMessage(message);
    this.#world.counts.add("events: known");
    return message;
  }

  #openEpoch(service: Service, node: string, number: number, seq: number, t: number): EpochLedger {
    const { agent, ledger } = service;
    const base = agent.stats().recorded - seq;
    const before = ledger.epochs.at(-1);
    if (before !== undefined) before.createdCount = base - before.base;
    const uncertainFrom = before === undefined ? t - OWN_EVENTS : (ledger.times.at(-1) as number);
    const epoch = new EpochLedger(node, number, ledger, base, uncertainFrom, t);
    this.#world.ledger.addEpoch(epoch);
    if (before !== undefined) this.#world.counts.add("node: opened a further epoch");
    else this.#world.clocks.opened(this, number);
    service.epoch = epoch;
    return epoch;
  }

  /** A new epoch is looked at as soon as it is there: its first message tells where it begins. */
  #noticeEpoch(service: Service): void {
    const { agent, epoch } = service;
    if (!service.isAlive || service.isClosing || agent.health === "off") return;
    if (epoch?.epoch === agent.epoch && epoch.node === agent.node) return;
    this.#stamp(service);
  }

  #receive(service: Service, message: Message): void {
    const { scenario, ledger, counts } = this.#world;
    this.#noticeEpoch(service);
    const isForged = !this.#world.isCalm && this.#chance.isTrue(scenario.forged);
    let received = message;
    if (isForged) {
      const forgedT =
        this.clock.ticks() + this.#chance.between(scenario.maxDriftMs + 1_000, 1e6) * 4096;
      received = { ...message, forgedT, header: withStamp(message.header, forgedT) };
      counts.add("message: forged stamp");
    }
    const before = service.agent.stats();
    const t = service.agent.merge({ [HEADER]: received.header });
    const after = service.agent.stats();
    const isRefused = sumOf(after.refused) > sumOf(before.refused);
    if (isRefused) counts.add("message: stamp refused");
    const isNew = after.recorded > before.recorded;
    this.#world.clocks.merged(this, service.ledger, received, t, isRefused);
    this.#world.clocks.stamped(this, service.ledger, t, false);
    this.#world.checker.merged(received, t, isRefused, isNew, service.ledger);
    if (!isNew || service.epoch === undefined) return;
    const { epoch } = service;
    const seq = after.recorded - epoch.base;
    service.ledger.note(epoch, seq, { t, kind: "receive", message: received });
    ledger.addReceive(received, isForged ? { epoch, seq, t, isForged } : { epoch, seq, t });
    service.ledger.learn(message.vector);
    counts.add("events: known");
  }

  /** On demand a log is marked before its first change: an event of the agent's own. */
  #marksLog({ logs }: Service, log: string | undefined): boolean {
    if (!this.isOnDemand || log === undefined || logs.has(log)) return false;
    logs.add(log);
    return true;
  }

  #record(service: Service, work: () => Done): void {
    this.#recordAll(service, once(work));
  }

  /** Runs work in one go, and notes each change under its seq. */
  #recordAll(service: Service, work: Iterable<Done>): void {
    this.#noticeEpoch(service);
    const { agent, ledger, epoch } = service;
    if (epoch === undefined) return;
    let seq = agent.stats().recorded - epoch.base;
    let count = 0;
    for (const { t, changes } of work) {
      this.#world.clocks.stamped(this, ledger, t, changes[0]?.log !== undefined);
      for (const change of changes) {
        if (this.#marksLog(service, change.log)) seq += 1;
        seq += 1;
        count += 1;
        ledger.note(epoch, seq, { t, ...change });
      }
    }
    this.#world.counts.add("events: known", count);
    this.#world.checker.created(epoch, seq, agent.stats().recorded - epoch.base);
  }
}

function* once(work: () => Done): Generator<Done> {
  yield work();
}

/** `1-<hlc>-<epoch>.<seq>-<node>`, epoch and seq in base 36. */
function readHeader(header: string): { node: string; epoch: number; seq: number } {
  const [, , numbers = "", ...node] = header.split("-");
  const [epoch = "", seq = ""] = numbers.split(".");
  return { node: node.join("-"), epoch: Number.parseInt(epoch, 36), seq: Number.parseInt(seq, 36) };
}

function withStamp(header: string, t: number): string {
  const ms = (Math.floor(t / 4096) + 1_577_836_800_000).toString(16).padStart(12, "0");
  const low = ((t % 4096) * 16).toString(16).padStart(4, "0");
  return `1-${ms}${low}${header.slice(18)}`;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
