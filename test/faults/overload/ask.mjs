/** One question over HTTP, answered or not. */
import { request } from "node:http";

/** Status 0: no answer. */
export function ask(port, path, { method = "GET", body, agent, headers = {} } = {}) {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": body.length };
    const sent = request(
      { port, host: "127.0.0.1", path, method, agent, headers: { ...headers, ...length } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => {
          text += part;
        });
        response.on("error", () => resolve({ status: 0, headers: {}, text: "" }));
        response.on("close", () =>
          resolve({ status: response.statusCode, headers: response.headers, text }),
        );
      },
    );
    sent.on("error", () => resolve({ status: 0, headers: {}, text: "" }));
    sent.end(body);
  });
}
