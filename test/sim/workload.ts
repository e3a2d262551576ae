/**
 * What a service does to its state, drawn from chance, and what it then must be. `Model` is the state by
 * the ledger's account: texts of values, computed without the product.
 */
import type { Agent } from "../../agent/agent.ts";
import type { Chance } from "./chance.ts";
import { ANY_VALUE, type KnownEvent, type ValueText } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import { jsonText, setText, textOf } from "./value-text.ts";

/** Longer values may be cut short by the agent (8 KiB). */
const SURELY_WHOLE_LENGTH = 5_000;

export type Change = Omit<KnownEvent, "t">;

export class Model {
  /** By `log NUL key`: the members' texts of a set, or the text of a plain value. */
  readonly #cells = new Map<string, Set<string> | string>();

  set(log: string, key: string, value: unknown, isWhole: boolean): Change {
    const isSet = value instanceof Set;
    const members = isSet ? [...value].map(jsonText) : [];
    const cell = !isWhole ? ANY_VALUE : isSet ? new Set(members) : (textOf(value) as string);
    this.#cells.set(`${log}\0${key}`, cell);
    return { kind: "set", log, key, text: this.text(log, key) };
  }

  delete(log: string, key: string): Change {
    this.#cells.delete(`${log}\0${key}`);
    return { kind: "delete", log, key, text: undefined };
  }

  member(log: string, key: string, member: unknown, present: boolean): Change {
    const cell = this.#cells.get(`${log}\0${key}`);
    const members = cell instanceof Set ? cell : new Set<string>();
    if (present) members.add(jsonText(member));
    else members.delete(jsonText(member));
    this.#cells.set(`${log}\0${key}`, members);
    return { kind: present ? "add" : "remove", log, key, text: this.text(log, key) };
  }

  text(log: string, key: string): ValueText {
    const cell = this.#cells.get(`${log}\0${key}`);
    return cell instanceof Set ? setText([...cell]) : cell;
  }
}

/** One piece of work: what it called, and what each call recorded under the stamp it returned. */
export interface Done {
  readonly t: number;
  readonly changes: readonly Change[];
}

export class Workload {
  readonly #chance: Chance;
  readonly #scenario: Scenario;
  readonly #model = new Model();
  #count = 0;

  constructor(chance: Chance, scenario: Scenario) {
    this.#chance = chance;
    this.#scenario = scenario;
  }

  get #log(): string {
    return `log${this.#chance.below(this.#scenario.logCount)}`;
  }

  get #key(): string {
    return `k${this.#chance.below(this.#scenario.keyCount)}`;
  }

  change(agent: Agent): Done {
    const chance = this.#chance;
    const [log, key] = [this.#log, this.#key];
    switch (chance.below(10)) {
      case 0:
        return { t: agent.log(log).delete(key), changes: [this.#model.delete(log, key)] };
      case 1:
      case 2: {
        const present = chance.isTrue(0.7);
        const name = `set${chance.below(2)}`;
        const member = chance.pick<unknown>([1, 2, "a", "b", null, [1], { b: 1, a: 2 }]);
        const t = present ? agent.log(log).add(name, member) : agent.log(log).remove(name, member);
        return { t, changes: [this.#model.member(log, name, member, present)] };
      }
      case 3:
        return this.commit(agent, log, chance.between(1, 5));
      case 4: {
        const value = this.#value();
        const t = agent.variable(log, key).set(value);
        return { t, changes: [this.#set(log, key, value)] };
      }
      case 5: {
        const t = agent.mark(`m${this.#count}`);
        return { t, changes: [{ kind: "mark" }] };
      }
      default: {
        const value = this.#value();
        const t = agent.log(log).set(key, value);
        return { t, changes: [this.#set(log, key, value)] };
      }
    }
  }

  /** Many changes in a row, more than the window may hold. */
  *flood(agent: Agent, count: number): Generator<Done> {
    const log = this.#log;
    const variable = agent.variable(log, "flooded");
    for (let i = 0; i < count; i += 1) {
      this.#count += 1;
      yield { t: variable.set(this.#count), changes: [this.#set(log, "flooded", this.#count)] };
    }
  }

  commit(agent: Agent, log: string, count: number): Done {
    const changes: Change[] = [];
    const t = agent.log(log).commit((tx) => {
      for (let i = 0; i < count; i += 1) {
        const key = this.#key;
        if (this.#chance.isTrue(0.2)) {
          tx.delete(key);
          changes.push(this.#model.delete(log, key));
        } else {
          const value = this.#value();
          tx.set(key, value);
          changes.push(this.#set(log, key, value));
        }
      }
    });
    return { t, changes };
  }

  #set(log: string, key: string, value: unknown): Change {
    const length = typeof value === "string" ? value.length : 0;
    return this.#model.set(log, key, value, length <= SURELY_WHOLE_LENGTH);
  }

  #value(): unknown {
    const chance = this.#chance;
    this.#count += 1;
    if (chance.isTrue(this.#scenario.bigValues)) return "x".repeat(chance.between(500, 12_000));
    switch (chance.below(8)) {
      case 0:
        return `text ${this.#count} é`;
      case 1:
        return chance.pick([true, false, null]);
      case 2:
        return { n: this.#count, list: [1, "two", { three: 3 }] };
      case 3:
        return this.#count / 8;
      case 4:
        return new Set([this.#count % 5, "s"]);
      default:
        return this.#count;
    }
  }
}
