"""The commands of build.py: each brings up what it needs, then does its work."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Sequence

from tools import browser, checks, demo, engines, environment, node, npm, site, wheels
from tools.paths import ROOT, SITE, VENV_PYTHON
from tools.terminal import BuildError, say


def setup(_options: argparse.Namespace, _rest: list[str]) -> int:
    """Make the environment with everything that development needs."""
    environment.install("dev")
    node.install_modules()
    wheels.copy_vendored()
    return 0


def run_demo(_options: argparse.Namespace, rest: list[str]) -> int:
    """Serve the demo; --check plays it headless, --port N, --no-open."""
    if {"-h", "--help"}.isdisjoint(rest):
        return serve_demo(rest)
    environment.install("server")
    return demo.wait_for(demo.start_server(rest, {}))


def serve_demo(rest: list[str]) -> int:
    """Bring up what the demo needs, then the demo."""
    checked = "--check" in rest
    environment.install("dev" if checked else "server")
    program = node.install_modules()
    wheel = wheels.build_wheel(program)
    if checked:
        site.build_site(program, wheel, quality=site.QUICK)
        return demo.run_checked(rest)
    return demo.run_open(wheel, rest)


# Two files at a time, because most of the time they wait for browsers and processes.
TWO_AT_A_TIME = ("-n", "2", "--dist", "loadfile")
ALL_TESTS = (*TWO_AT_A_TIME, "-m", "not long")
LONG_TESTS = (*TWO_AT_A_TIME, "-m", "long")


OTHER_BROWSERS = "--browsers"
IF_INSTALLABLE = "--if-installable"


def test(_options: argparse.Namespace, rest: list[str]) -> int:
    """Install what tests need and run pytest with the arguments given; without any all but what --browsers
    runs: Firefox, WebKit, and what takes long in Chromium."""
    if OTHER_BROWSERS in rest:
        return test_browsers([one for one in rest if one != OTHER_BROWSERS])
    environment.install("dev")
    return run_tests(rest or ALL_TESTS)


def run_tests(arguments: Sequence[str]) -> int:
    """Run pytest with Chromium, Node, and the site of these sources."""
    program = node.install_modules()
    chromium = browser.ensure()
    site.build_site(program, wheels.build_wheel(program), quality=site.QUICK)
    env = {**os.environ, **node.path_with(program), browser.VARIABLE: str(chromium)}
    command = [str(VENV_PYTHON), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def test_browsers(rest: list[str]) -> int:
    """Run what takes long in Chromium, then conformance and the main flows in Firefox and WebKit; with
    --if-installable a machine that cannot have these two is told so."""
    environment.install("dev")
    arguments = [one for one in rest if one != IF_INSTALLABLE]
    code = 0 if arguments else run_tests(LONG_TESTS)
    try:
        engines.ensure()
    except BuildError as error:
        if IF_INSTALLABLE not in rest:
            raise
        say(f"  not run in Firefox and WebKit: {error}")
        return code
    return max(code, run_tests(["tests/browsers", *arguments]))


def chaos(_options: argparse.Namespace, rest: list[str]) -> int:
    """Kill 8 workers over 20,000 jobs and tabs over 6,000, stop them, set their clocks; takes minutes."""
    environment.install("dev")
    program = node.install_modules()
    chromium = browser.ensure()
    env = {
        **os.environ,
        **node.path_with(program),
        browser.VARIABLE: str(chromium),
        "WHERRY_CHAOS": "full",
    }
    command = [str(VENV_PYTHON), "-m", "pytest", "-s", "tests/chaos", *rest]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def check(_options: argparse.Namespace, _rest: list[str]) -> int:
    """Run the formatter, linters, type checkers and limits."""
    environment.install("dev")
    program = node.install_modules()
    wheels.copy_vendored()
    return checks.run_checks(program)


def wheel(_options: argparse.Namespace, _rest: list[str]) -> int:
    """Build dist/wherry-*.whl."""
    environment.install("server")
    program = node.install_modules()
    wheels.build_wheel(program)
    return 0


def build_site(options: argparse.Namespace, _rest: list[str]) -> int:
    """Build the self-hosted site with the tab's runtime."""
    environment.install("server")
    program = node.install_modules()
    quality = site.QUICK if options.quick else site.BEST
    manifest = site.build_site(program, wheels.build_wheel(program), quality=quality)
    site.print_sizes(manifest)
    site.print_groups(manifest)
    if options.docs:
        site.write_table(manifest)
    say(f"\n  {SITE.relative_to(ROOT)} holds build {manifest['build']}.")
    return 0


def build_npm(_options: argparse.Namespace, _rest: list[str]) -> int:
    """Build dist/npm and its archive, for pages that are made with a bundler."""
    environment.install("server")
    program = node.install_modules()
    wheels.copy_vendored()
    archive = npm.build_package(program)
    say(f"\n  Install it with `npm install {archive}`.")
    return 0


def bench(_options: argparse.Namespace, rest: list[str]) -> int:
    """Run the files of bench/, or those named."""
    environment.install("dev")
    program = node.install_modules()
    site.build_site(program, wheels.build_wheel(program), quality=site.QUICK)
    known = {path.stem: path for path in sorted((ROOT / "bench").glob("[!_]*.py"))}
    unknown = [name for name in rest if name not in known]
    if unknown:
        raise BuildError(f"No such bench: {', '.join(unknown)}.", remedy=f"There are: {', '.join(known)}.")
    codes = [
        subprocess.run([str(VENV_PYTHON), "-m", f"bench.{name}"], cwd=ROOT, check=False).returncode
        for name in rest or known
    ]
    return max(codes, default=0)


COMMANDS = {
    "setup": setup,
    "demo": run_demo,
    "test": test,
    "chaos": chaos,
    "check": check,
    "wheel": wheel,
    "site": build_site,
    "npm": build_npm,
    "bench": bench,
}
PASS_ON = {"demo", "test", "chaos", "bench"}


def parser() -> argparse.ArgumentParser:
    """Describe the commands; `demo`, `test`, `chaos` and `bench` pass their arguments on."""
    made = argparse.ArgumentParser(prog="build.py", description="Build, run and check wherry.")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, run in COMMANDS.items():
        one = commands.add_parser(
            name, help=run.__doc__, description=run.__doc__, add_help=name not in PASS_ON
        )
        if name == "site":
            one.add_argument("--docs", action="store_true", help="write the sizes into the docs")
            one.add_argument("--quick", action="store_true", help="compress less, ten times faster")
    return made


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code: 0 well, 1 a step failed, 2 a wrong command line."""
    passed_on = arguments[1:] if arguments[:1] and arguments[0] in PASS_ON else []
    options = parser().parse_args(arguments[: len(arguments) - len(passed_on)])
    try:
        environment.enter(arguments)
        return COMMANDS[options.command](options, passed_on)
    except BuildError as error:
        say(f"\n{error}\n\n  {error.remedy}", error=True)
        return 1
    except BrokenPipeError:
        # As in `build.py site | head`: nobody reads any more, so say nothing, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.", error=True)
        return 130
