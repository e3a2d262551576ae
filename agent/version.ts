/** The SDK's version, as agents report it; a test compares it with package.json. */
export const AGENT_VERSION = "0.1.0";
