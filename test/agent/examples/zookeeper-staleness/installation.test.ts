import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findInstallation } from "../../../../agent/examples/zookeeper-staleness/installation.ts";

describe("the search for ZooKeeper", () => {
  let folder: string;
  let path: string;
  let jars: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "retroscope-installation-"));
    path = join(folder, "bin");
    jars = join(folder, "jars");
    mkdirSync(path);
    mkdirSync(jars);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function place(file: string, mode = 0o755): string {
    writeFileSync(file, "");
    chmodSync(file, mode);
    return file;
  }
  function packaged(): string[] {
    const names = ["zookeeper", "zookeeper-jute", "slf4j-api", "commons-cli", "commons-io"];
    return names.map((name) => place(join(jars, `${name}.jar`)));
  }
  function refusal(env: Record<string, string>): { exitCode: number; message: string } {
    try {
      findInstallation(env, jars);
    } catch (error) {
      return error as { exitCode: number; message: string };
    }
    throw new Error("nothing was missing");
  }

  it("takes the first Java that can be run, and the jars of the package that are there", () => {
    mkdirSync(join(folder, "other"));
    place(join(folder, "other", "java"), 0o644);
    const java = place(join(path, "java"));
    const files = packaged();
    const netty = place(join(jars, "netty-all.jar"));
    expect(findInstallation({ PATH: [join(folder, "other"), path].join(delimiter) }, jars)).toEqual(
      {
        java,
        classPath: [...files, netty].join(delimiter),
      },
    );
  });

  it("takes a release that is named, and JAVA_HOME", () => {
    const release = join(folder, "apache");
    mkdirSync(join(release, "lib"), { recursive: true });
    mkdirSync(join(folder, "jdk", "bin"), { recursive: true });
    const java = place(join(folder, "jdk", "bin", "java"));
    place(join(release, "lib", "zookeeper-3.8.4.jar"));
    const env = { ZOOKEEPER_HOME: release, JAVA_HOME: join(folder, "jdk"), PATH: path };
    expect(findInstallation(env, jars)).toEqual({ java, classPath: join(release, "lib", "*") });
  });

  it("says in one line what is missing and what to install", () => {
    const cases: [why: string, refusal: () => ReturnType<typeof refusal>][] = [
      ["Java was not found", () => refusal({ PATH: path })],
      [
        "zookeeper.jar was not found",
        () => {
          place(join(path, "java"));
          return refusal({ PATH: path });
        },
      ],
      [
        "slf4j-api.jar was not found",
        () => {
          packaged();
          rmSync(join(jars, "slf4j-api.jar"));
          return refusal({ PATH: path });
        },
      ],
      ["holds no ZooKeeper", () => refusal({ PATH: path, ZOOKEEPER_HOME: folder })],
    ];
    for (const [why, refused] of cases) {
      const { message, exitCode } = refused();
      expect(message).toContain(why);
      expect(message).toContain("apt-get install zookeeper");
      expect(message).not.toContain("\n");
      expect(exitCode).toBe(4);
    }
  });
});
