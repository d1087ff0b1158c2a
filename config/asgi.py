"""The web process: pages and API through Django, websockets through Channels."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

# Models can be imported only once the applications stand.
http = get_asgi_application()

from accounts.sockets import SocketGate  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402
from options.warming import KERNELS  # noqa: E402

if os.environ.get("WINDHOVER_PROCESS") == "web":
    KERNELS.arm()

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": SocketGate(URLRouter(websocket_urlpatterns)),
    }
)
