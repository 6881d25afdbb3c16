"""`make services`: install what the tests need where we may, and say what is missing where we may not.

With root and apt, packages of the distribution are installed; the broker's jars come through Maven into a cache folder
outside the tree. What is there already is left alone. Exit status 1 names each part that is still missing, why it is
needed and how to get it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services import broker, chromium, database

COMMAND_S_MAX = 900  # a slow mirror, once; what hangs longer is broken

POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>newstide.tests</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{kafka}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{log4j}</version>
    </dependency>
  </dependencies>
</project>
"""
LOG4J_VERSION = "2.24.3"  # the version that this Kafka brings; the jar that joins the two is not among its own


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the tests need."""

    name: str
    why: str
    present: Callable[[], bool]
    packages: tuple[str, ...]  # of Debian and Ubuntu
    hint: str  # for every other system


def jars_present() -> bool:
    return (broker.jar_folder() / "complete").exists()


PARTS = (
    Part(
        f"Java {broker.JAVA_MIN} or newer",
        "the Kafka broker runs on it",
        lambda: broker.find_java() is not None,
        ("default-jre-headless",),
        "install a Java runtime, or set JAVA_HOME",
    ),
    Part(
        "Maven",
        "it fetches the Kafka broker",
        lambda: jars_present() or shutil.which("mvn") is not None,
        ("maven",),
        "install Apache Maven, so that `mvn` is found",
    ),
    Part(
        "the PostgreSQL server",
        "the store is tested on the real database",
        lambda: database.missing() is None,
        ("postgresql",),
        "install the PostgreSQL server, so that `postgres` is found",
    ),
    Part(
        "the Chromium browser",
        "the pages are tested in a real browser",
        lambda: chromium.program() is not None,
        ("chromium",),
        f"install one of {', '.join(chromium.PROGRAMS)}",
    ),
    Part(
        "a font with Chinese characters",
        "pages in Chinese would show boxes",
        chromium.has_chinese_font,
        ("fonts-noto-cjk", "fontconfig"),
        "install fontconfig and a font that `fc-list :lang=zh` lists",
    ),
)


def run(command: list[str], env: dict[str, str] | None = None) -> bool:
    """Run a command without input; show what it said only when it failed."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=COMMAND_S_MAX,
            check=False,
            env=os.environ | (env or {}),
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        print(f"services: {failure}", file=sys.stderr)
        return False
    if done.returncode:
        print(f"services: {' '.join(command)}\n{done.stdout[-4000:]}", file=sys.stderr)
    return done.returncode == 0


def install_packages(parts: list[Part]) -> None:
    """Install the distribution's packages of the missing parts, if this machine lets us."""
    apt = shutil.which("apt-get")
    if not parts or apt is None or os.geteuid() != 0:
        return
    packages = [package for part in parts for package in part.packages]
    print(f"services: installing {' '.join(packages)}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run([apt, "update", "-q"], quiet)  # what fails here shows in the next step
    run([apt, "install", "-q", "-y", "--no-install-recommends", *packages], quiet)


def install_jars() -> bool:
    """Fetch the broker's jars once; the folder appears whole or not at all."""
    target = broker.jar_folder()
    maven = shutil.which("mvn")
    if jars_present() or maven is None:
        return jars_present()
    print(f"services: fetching Apache Kafka {broker.KAFKA_VERSION}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent) as scratch:
        pom, jars = Path(scratch, "pom.xml"), Path(scratch, "jars")
        pom.write_text(POM.format(kafka=broker.KAFKA_VERSION, log4j=LOG4J_VERSION), "utf-8")
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        # --strict-checksums: a jar that differs from its published sum is refused.
        if not run([maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom), *goal]):
            return False
        (jars / "complete").touch()
        shutil.rmtree(target, ignore_errors=True)
        jars.rename(target)
    return True


def main() -> int:
    install_packages([part for part in PARTS if not part.present()])
    missing = [part for part in PARTS if not part.present()]
    for part in missing:
        print(f"services: missing {part.name}. Why: {part.why}.", file=sys.stderr)
        print(f"  How: as root, apt-get install {' '.join(part.packages)}; elsewhere {part.hint}.", file=sys.stderr)
    if not install_jars():
        print(f"services: missing Apache Kafka {broker.KAFKA_VERSION}. Why: the bus is tested on it.", file=sys.stderr)
        print(
            "  How: `mvn` must reach a Maven repository (a mirror goes into Maven's own settings), then run "
            f"`make services` again. It fills {broker.jar_folder()}.",
            file=sys.stderr,
        )
        return 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
