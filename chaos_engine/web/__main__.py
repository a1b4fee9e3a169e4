"""`python -m chaos_engine.web > docs/openapi.json`: the document of the API."""

from __future__ import annotations

import json
import sys

from chaos_engine.web.app import document

sys.stdout.write(json.dumps(document(), indent=1, sort_keys=True) + "\n")
