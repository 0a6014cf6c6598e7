"""The web process of `manage.py serve`: Daphne, which takes the same arguments as its own command."""

from orchestrator_site.lean import loading, stand_in, without

with loading():
    # 20 MiB: Twisted's TLS (a proxy in front of us ends TLS) and Autobahn's WAMP (another protocol over WebSockets).
    with without("OpenSSL", "service_identity"), stand_in("autobahn.twisted.wamp", ApplicationSession=object):
        from daphne.cli import CommandLineInterface

    import orchestrator_site.asgi  # noqa: F401  (Daphne would only do it later)

if __name__ == "__main__":
    CommandLineInterface.entrypoint()
