"""Compiles what a call and a chunk go through, where that is asked for; see docs/compiled.md."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_MYPY = ("--no-warn-unused-ignores", "--ignore-missing-imports")  # the build knows but the packages that llms runs on


class CompiledHook(BuildHookInterface):
    """Puts the extension modules beside the modules that they are made of."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's way
        # The build's own dependencies, which are there only if this is asked for.
        from mypyc.build import mypycify  # noqa: PLC0415
        from setuptools import Distribution  # noqa: PLC0415

        os.chdir(self.root)  # mypy names modules by where they are from here
        self._made = tempfile.TemporaryDirectory()
        made = Path(self._made.name)
        extensions = mypycify(
            [*_MYPY, *self.config["modules"]], opt_level="2", debug_level="0", target_dir=str(made / "c")
        )
        if sys.platform == "linux":
            for extension in extensions:
                # What only debuggers and linkers read is more than half of it.
                extension.extra_compile_args += ["-fvisibility=hidden", "-fno-asynchronous-unwind-tables"]
                extension.extra_link_args += ["-s", "-Wl,-z,noseparate-code"]
        build = Distribution({"name": "llms", "ext_modules": extensions}).get_command_obj("build_ext")
        build.build_lib, build.build_temp = str(made / "lib"), str(made / "o")
        build.ensure_finalized()
        build.run()
        found = {str(path): str(path.relative_to(made / "lib")) for path in (made / "lib").rglob("*.so")}
        build_data["force_include"].update(found)
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the same
        self._made.cleanup()
