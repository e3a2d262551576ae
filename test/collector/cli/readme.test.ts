/** The tables of collector/cli/README.md name every command with every option it takes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cli } from "./support.ts";

const readme = readFileSync(new URL("../../../collector/cli/README.md", import.meta.url), "utf8");
const rows = [...readme.matchAll(/^\| `(\w+)[^`]*` \| (.*?) \|/gm)].map((row) => ({
  command: row[1] as string,
  cell: row[2] as string,
}));
const SELECTION = ["--node", "--service", "--log", "--key"];

/** The options that a cell tells: its own, the selection, and those of every row unless taken away. */
function told(cell: string): string[] {
  const [own = "", not = ""] = cell.split("(no ");
  const flags = (text: string): readonly string[] => text.match(/--[\w-]+/g) ?? [];
  const shared = ["--url", "--json"].filter((flag) => !flags(not).includes(flag));
  return [...flags(own), ...(own.includes("selection") ? SELECTION : []), ...shared].sort();
}

describe("the table of commands", () => {
  it("names every command", async () => {
    const { out } = await cli("", "--help");
    const commands = [...(/Commands:\n(.*?)\n\n/s.exec(out)?.[1] ?? "").matchAll(/^ {2}(\w+)/gm)];
    const names = commands.map(([, name]) => name as string).filter((name) => name !== "help");
    expect(rows.map(({ command }) => command).sort()).toEqual(names.sort());
  });

  it.each(rows)("names the options of $command", async ({ command, cell }) => {
    const { out } = await cli("", `${command} --help`);
    const options = [...out.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
    expect(options.filter((flag) => flag !== "--help").sort()).toEqual(told(cell));
  });
});
