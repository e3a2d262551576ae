/**
 * What is said of a request once it is durable: commands to its nodes in the reply, news for the log, agents'
 * statuses to whoever listens.
 */
import type { AgentCommand } from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import type { CommandBox } from "./command-box.ts";
import type { EpochIndex } from "./epoch-index.ts";
import type { Instances } from "./instances.ts";
import type { IngestNotice } from "./notice.ts";
import type { Outcome } from "./outcome.ts";
import type { PreparedBatch } from "./prepare.ts";
import type { SilenceWatch } from "./silence-watch.ts";
import { rejoinAbove, standingOf, standingsOfGone } from "./standing.ts";

/** Told of each status that an agent sent, after it is durable, with the record of its epoch. */
export type StatusListener = (record: EpochRecord, status: unknown) => void;

interface AnswersOptions {
  readonly store: HistoryStore;
  readonly commands: CommandBox;
  readonly instances: Instances;
  readonly silence: SilenceWatch;
  readonly notice: (notice: IngestNotice) => void;
}

export class Answers {
  readonly #with: AnswersOptions;
  readonly #statusListeners = new Set<StatusListener>();

  constructor(options: AnswersOptions) {
    this.#with = options;
  }

  onStatus(listener: StatusListener): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Says all there is to say, and returns the commands for the reply. `index`: with the request in it. */
  tell(batches: readonly PreparedBatch[], outcome: Outcome, index: EpochIndex): AgentCommand[] {
    this.#tellStatus(batches, outcome, index);
    const commands = this.#commandsFor(batches, outcome, index);
    this.#tellNews(batches, outcome, commands);
    return commands;
  }

  #commandsFor(
    batches: readonly PreparedBatch[],
    outcome: Outcome,
    index: EpochIndex,
  ): AgentCommand[] {
    const { store, instances, silence } = this.#with;
    const commands = [...outcome.commands];
    const nodes = new Set<string>();
    for (const [i, { header, facts }] of batches.entries()) {
      // A file about a live node is no sign of its life, and takes no command meant for it.
      if (header.imported || outcome.acks[i]?.conflict === true) continue;
      const { node, epoch } = header;
      nodes.add(node);
      const record = index.find(node, epoch);
      if (record === undefined || record.imported) continue;
      silence.heard(record.id);
      if (record.instance === "") continue;
      if (facts.leaveT !== undefined) {
        instances.left(node, record.instance);
        continue;
      }
      const ofNode = [...index.epochsOf(node)];
      const rivalry = instances.heard(record, ofNode);
      if (rivalry === "in-use") commands.push({ command: "node-in-use", node });
      if (rivalry === "displaced") {
        const gone = standingsOfGone(store.gone(), node);
        const known = [...ofNode.map(standingOf), ...gone];
        commands.push(rejoinAbove(node, epoch, known, "not-above"));
      }
    }
    return [...commands, ...this.#with.commands.take(nodes)];
  }

  #tellNews(
    batches: readonly PreparedBatch[],
    outcome: Outcome,
    commands: readonly AgentCommand[],
  ): void {
    const { notice } = this.#with;
    batches.forEach(({ header, facts }, i) => {
      if ((outcome.acks[i]?.storedCount ?? 0) === 0) return;
      const { node, epoch, imported } = header;
      if (facts.join !== undefined) {
        notice({ kind: "joined", node, epoch, service: facts.join.service, imported });
      }
      if (facts.leaveT !== undefined && !imported) notice({ kind: "left", node, epoch });
    });
    for (const { command, node } of commands) {
      if (command === "node-in-use" || command === "rejoin") notice({ kind: command, node });
    }
  }

  #tellStatus(batches: readonly PreparedBatch[], { acks }: Outcome, index: EpochIndex): void {
    for (const [i, { header }] of batches.entries()) {
      if (header.status === null || header.imported || acks[i]?.conflict === true) continue;
      const record = index.find(header.node, header.epoch);
      if (record === undefined || record.imported) continue;
      for (const listener of this.#statusListeners) listener(record, header.status);
    }
  }
}
