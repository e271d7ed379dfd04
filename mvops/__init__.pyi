from mvops.api import apply as apply
from mvops.api import compare as compare
from mvops.api import load_model as load_model
from mvops.api import monitor as monitor
from mvops.api import plan as plan
from mvops.api import predictions as predictions
from mvops.api import promote as promote
from mvops.api import run as run
from mvops.api import status as status
from mvops.api import verify as verify
from mvops.api import versions as versions
from mvops.core.scope import Scope as Scope
from mvops.jupyter.extension import load_ipython_extension as load_ipython_extension
from mvops.jupyter.extension import unload_ipython_extension as unload_ipython_extension

__version__: str
