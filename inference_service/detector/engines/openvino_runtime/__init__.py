"""OpenVINO, imported so that nothing leaves this host.

``import openvino`` also imports its model converter, ``openvino.tools.ovc``, which reports the
import to a usage counter on the internet unless the user has declined. Nothing here converts
models, and OpenVINO does without the converter, so an empty module takes its place.
"""

import sys
from types import ModuleType
from typing import Final

CONVERTER: Final = "openvino.tools.ovc"

if "openvino" not in sys.modules:
    sys.modules[CONVERTER] = ModuleType(CONVERTER)
