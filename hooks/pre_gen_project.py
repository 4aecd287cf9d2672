"""Hand the answers to slipway/generation.py; Cookiecutter renders this file, nothing in slipway/."""

import json
import os
import sys
from pathlib import Path

CONTEXT = json.loads(r"""{{ cookiecutter | tojson }}""")

here = Path(__file__).resolve()
if here.parent.name != "hooks":
    here.unlink()
starts = [os.environ.get("PWD", ""), CONTEXT.get("_output_dir", "")]
places = [Path(start, CONTEXT["_repo_dir"]).resolve() for start in starts if "_repo_dir" in CONTEXT]
template = next((place for place in places if (place / "slipway" / "generation.py").is_file()), None)
if template is None:
    sys.exit(
        "error: the template's folder is unknown here; generate with cookiecutter 2.7 or later, or with copier copy"
    )
sys.dont_write_bytecode = True
sys.path.insert(0, str(template))

from slipway.generation import before  # noqa: E402

sys.exit(before(CONTEXT, template, Path.cwd()))
