/**
 * The routes of the collector, from the app's own table: whatever is mounted is fuzzed, new routes too.
 * Import this before the collector: it watches express while the app is put together.
 */
import express from "express";

const seen = [];
const { route } = express.Router.prototype;
express.Router.prototype.route = function watched(path) {
  const made = route.call(this, path);
  seen.push({ path, made });
  return made;
};

/** Every path with its methods, as mounted so far; `/v1/batches` is before express. */
export function routes() {
  const found = [{ path: "/v1/batches", methods: ["POST"] }];
  for (const { path, made } of seen) {
    if (typeof path !== "string") continue;
    const methods = Object.keys(made.methods ?? {}).map((name) => name.toUpperCase());
    if (methods.length > 0 && !methods.includes("_ALL")) found.push({ path, methods });
  }
  return found;
}
