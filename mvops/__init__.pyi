from mvops.api import apply as apply
from mvops.api import load_model as load_model
from mvops.api import plan as plan
from mvops.api import predictions as predictions
from mvops.api import run as run
from mvops.api import status as status
from mvops.api import versions as versions
from mvops.core.scope import Scope as Scope

__version__: str
