/** The agent of this package, as files to run: the command line does not load it. */
const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js"; // .js where this was compiled

export const REGISTER: URL = new URL(`../../agent/register${extension}`, import.meta.url);
export const PROBE: URL = new URL(`../../agent/doctor-probe${extension}`, import.meta.url);
