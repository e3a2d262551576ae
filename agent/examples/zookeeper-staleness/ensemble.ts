/**
 * Three ZooKeeper servers on loopback, each a process of its own with its own folder:
 *
 *     directory/server-1/zoo.cfg, myid, version-2/...     ports: clients, quorum, election
 *
 * Never a service of the system: started from the jars, ended by their ids, gone with the folder.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort, type ProcessGroup, waitFor } from "../processes.ts";
import type { Installation } from "./installation.ts";

export const SERVER_COUNT = 3;
const ELECTION_WAIT_MS = 60_000;
const STATUS_WAIT_MS = 2_000;
const HEAP = "-Xmx128m";

export interface EnsembleServer {
  /** The name of its process. */
  readonly name: string;
  /** Of clients: `127.0.0.1:port`. */
  readonly address: string;
}

export interface Ensemble {
  readonly servers: readonly EnsembleServer[];
  readonly leader: EnsembleServer;
  readonly followers: readonly EnsembleServer[];
}

/** Starts the servers, and waits until they have a leader. They end with the group. */
export async function startEnsemble(
  group: ProcessGroup,
  directory: string,
  installation: Installation,
): Promise<Ensemble> {
  const ports: { client: number; quorum: number; election: number }[] = [];
  for (let i = 0; i < SERVER_COUNT; i += 1) {
    ports.push({ client: await freePort(), quorum: await freePort(), election: await freePort() });
  }
  const peers = ports.map(
    ({ quorum, election }, i) => `server.${i + 1}=127.0.0.1:${quorum}:${election}`,
  );
  const servers = ports.map(({ client }, i): EnsembleServer => {
    const name = `server-${i + 1}`;
    const home = join(directory, name);
    mkdirSync(home);
    writeFileSync(join(home, "myid"), `${i + 1}\n`);
    writeFileSync(join(home, "zoo.cfg"), configuration(home, client, peers));
    writeFileSync(join(home, "log4j.properties"), LOG4J);
    group.startProgram(name, installation.java, [
      ...[HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
      ...["-cp", installation.classPath],
      `-Dlog4j.configuration=file:${join(home, "log4j.properties")}`,
      "-Dzookeeper.4lw.commands.whitelist=srvr",
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      join(home, "zoo.cfg"),
    ]);
    return { name, address: `127.0.0.1:${client}` };
  });
  let modes: (string | undefined)[] = [];
  await waitFor("the ZooKeeper servers have a leader", ELECTION_WAIT_MS, async () => {
    modes = await Promise.all(servers.map(({ address }) => modeOf(address)));
    return modes.includes("leader") && modes.every((mode) => mode !== undefined);
  });
  const leader = servers[modes.indexOf("leader")] as EnsembleServer;
  return { servers, leader, followers: servers.filter((server) => server !== leader) };
}

/** `syncLimit` ticks without a word end a follower: 2 s, ten times the pause that the case makes. */
function configuration(home: string, clientPort: number, peers: readonly string[]): string {
  const lines = [
    ...["tickTime=200", "initLimit=20", "syncLimit=10", "admin.enableServer=false"],
    ...[`dataDir=${home}`, `clientPort=${clientPort}`, "clientPortAddress=127.0.0.1"],
    ...peers,
  ];
  return `${lines.join("\n")}\n`;
}

/** Warnings to standard error, which is kept in a file for the message if a server dies. */
const LOG4J = `log4j.rootLogger=WARN, err
log4j.appender.err=org.apache.log4j.ConsoleAppender
log4j.appender.err.target=System.err
log4j.appender.err.layout=org.apache.log4j.PatternLayout
log4j.appender.err.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
`;

/** "leader" or "follower", as the server says of itself; undefined: it does not serve yet. */
async function modeOf(address: string): Promise<string | undefined> {
  const status = await fourLetters(address, "srvr").catch(() => "");
  return /^Mode: (leader|follower)$/m.exec(status)?.[1];
}

/** Asks one of ZooKeeper's four-letter questions: the word goes out, text comes back, the connection ends. */
function fourLetters(address: string, word: string): Promise<string> {
  const [host, port] = address.split(":") as [string, string];
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), host, () => socket.write(word));
    socket.setEncoding("utf8").setTimeout(STATUS_WAIT_MS, () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.once("error", reject);
    socket.once("close", () => resolve(text));
  });
}
