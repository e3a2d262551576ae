/** Ports of the agent that break their promises, by name: what `startAgent` is given where our own code is to throw. */
import { AnchoredClock } from "#dist/agent/kernel/index.js";

/** A clock that works for a while, then throws at every reading, or now and then. */
function throwingClock({ after = 200, everyNth = 1 }) {
  const real = new AnchoredClock();
  let count = 0;
  return {
    clock: {
      now() {
        count += 1;
        if (count > after && count % everyNth === 0) throw new Error("the clock is broken");
        return real.now();
      },
    },
  };
}

/** What a clock may say that is no time. */
function nonsenseClock() {
  const real = new AnchoredClock();
  const nonsense = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, Number.MAX_SAFE_INTEGER];
  let count = 0;
  return {
    clock: {
      now: () => (++count % 50 === 0 ? nonsense[(count / 50) % nonsense.length] : real.now()),
    },
  };
}

function frozenClock() {
  const now = new AnchoredClock().now();
  return { clock: { now: () => now } };
}

function skewedClock({ skewMs }) {
  const real = new AnchoredClock();
  return { clock: { now: () => real.now() + Math.round(skewMs * 4_096) } };
}

const FAILING_SENDS = {
  throws: () => {
    throw new Error("the transport is broken");
  },
  rejects: () => Promise.reject(new Error("the transport rejects")),
  nothing: () => undefined,
  junk: () => Promise.resolve({ kind: "surprise" }),
  never: () => new Promise(() => undefined),
  badAcks: () =>
    Promise.resolve({ kind: "acked", reply: { acks: [null, 7, { node: {} }], commands: "none" } }),
  throwingReply: () =>
    Promise.resolve({
      get kind() {
        throw new Error("the reply is broken");
      },
    }),
};

function brokenTransport({ send }) {
  return {
    transport: {
      target: "broken",
      send: FAILING_SENDS[send],
      close() {
        throw new Error("the transport cannot close");
      },
    },
  };
}

/** Timers that begin to throw after a while. */
function throwingScheduler({ after = 100 }) {
  let count = 0;
  const check = () => {
    count += 1;
    if (count > after) throw new Error("the scheduler is broken");
  };
  return {
    scheduler: {
      nowMs() {
        check();
        return performance.now();
      },
      after(delayMs, run) {
        check();
        const timer = setTimeout(run, delayMs);
        timer.unref();
        return () => clearTimeout(timer);
      },
      random: () => {
        check();
        return Math.random();
      },
    },
  };
}

const PORTS = {
  throwingClock,
  nonsenseClock,
  frozenClock,
  skewedClock,
  brokenTransport,
  throwingScheduler,
};

/** `{ name, ...options }` -> options of `startAgent`. */
export function brokenPorts(given) {
  return given === undefined ? {} : PORTS[given.name](given);
}
