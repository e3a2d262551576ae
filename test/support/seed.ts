/**
 * Properties draw a new seed at each run, and print it when they fail. With `RETROSCOPE_TEST_SEED` they
 * all draw the same: CI sets it, so that a change is judged by what it changed; everybody else's
 * runs go on finding new cases.
 */
import fc from "fast-check";

const text = process.env["RETROSCOPE_TEST_SEED"];
if (text !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(text) });
