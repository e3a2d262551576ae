/**
 * Where Java and ZooKeeper's jars are on this machine, or what to install. Debian's package puts the jars
 * into one folder; a release of Apache's own, unpacked, is named by `ZOOKEEPER_HOME`.
 */
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ExampleError } from "../run-example.ts";

/** What a server is started with. */
export interface Installation {
  readonly java: string;
  readonly classPath: string;
}

/** The exit code for a machine on which something has to be installed first. */
export const NOT_INSTALLED_EXIT_CODE = 4;

const DEBIAN_JARS = "/usr/share/java";
/** ZooKeeper itself, and what it cannot start without. */
const NEEDED = ["zookeeper", "zookeeper-jute", "slf4j-api", "commons-cli", "commons-io"];
/** Used where they are there: netty's classes are named, not used; the last two write the log. */
const OPTIONAL = [
  ...["netty-all", "netty-handler", "netty-transport", "netty-buffer", "netty-common"],
  ...["snappy-java", "metrics-core", "jackson-annotations", "jackson-core", "jackson-databind"],
  ...["slf4j-log4j12", "log4j-1.2"],
];
const WHAT_TO_INSTALL =
  "apt-get install zookeeper (Debian, Ubuntu), or a Java from 11 on and ZOOKEEPER_HOME=folder of an unpacked Apache ZooKeeper 3.8";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param jars where Debian's package puts them
 * @throws ExampleError of exit code 4, which says in one line what to install
 */
export function findInstallation(env: Environment, jars: string = DEBIAN_JARS): Installation {
  const java = javaOf(env);
  if (java === undefined) throw notInstalled("Java was not found");
  const home = env["ZOOKEEPER_HOME"];
  if (home !== undefined && home !== "") {
    const lib = join(home, "lib");
    const names = existsSync(lib) ? readdirSync(lib) : [];
    if (names.some((name) => /^zookeeper-[\d.]+\.jar$/.test(name))) {
      return { java, classPath: join(lib, "*") };
    }
    throw notInstalled(`${lib} holds no ZooKeeper`);
  }
  const found = (name: string): string[] => {
    const file = join(jars, `${name}.jar`);
    return existsSync(file) ? [file] : [];
  };
  const missing = NEEDED.find((name) => found(name).length === 0);
  if (missing !== undefined) throw notInstalled(`${join(jars, `${missing}.jar`)} was not found`);
  return { java, classPath: [...NEEDED, ...OPTIONAL].flatMap(found).join(delimiter) };
}

function notInstalled(why: string): ExampleError {
  const message = `ZooKeeper cannot be started, ${why}: ${WHAT_TO_INSTALL}`;
  return new ExampleError(message, NOT_INSTALLED_EXIT_CODE);
}

function javaOf(env: Environment): string | undefined {
  const home = env["JAVA_HOME"];
  const folders = [
    ...(home === undefined || home === "" ? [] : [join(home, "bin")]),
    ...(env["PATH"] ?? "").split(delimiter),
  ];
  return folders.map((folder) => join(folder, "java")).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
