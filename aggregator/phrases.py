"""Causes in the languages that people are written to in."""

from quivive.domain.words import Cause

LOCALES = ("en", "fr")

_PHRASES: dict[Cause, tuple[str, str]] = {
    Cause.UNSPECIFIED: ("cause unknown", "cause inconnue"),
    Cause.DNS_NXDOMAIN: ("domain name does not exist", "nom de domaine inexistant"),
    Cause.DNS_SERVFAIL: ("name servers fail", "serveurs de noms en échec"),
    Cause.DNS_REFUSED: ("name servers refuse to answer", "réponse refusée par les serveurs de noms"),
    Cause.DNS_TIMEOUT: ("name servers do not answer", "serveurs de noms muets"),
    Cause.DNS_NO_ADDRESS: ("domain name has no address", "nom de domaine sans adresse"),
    Cause.DNS_FORBIDDEN_ADDRESS: ("address is not allowed as a target", "adresse interdite comme cible"),
    Cause.DNS_WRONG_ANSWER: ("wrong DNS answer", "réponse DNS inattendue"),
    Cause.TCP_REFUSED: ("connection refused", "connexion refusée"),
    Cause.TCP_TIMEOUT: ("connection timed out", "délai de connexion dépassé"),
    Cause.TCP_RESET: ("connection reset", "connexion interrompue"),
    Cause.TCP_UNREACHABLE: ("host unreachable", "hôte injoignable"),
    Cause.TCP_WRONG_ANSWER: ("unexpected answer", "réponse inattendue"),
    Cause.TLS_EXPIRED: ("certificate expired", "certificat expiré"),
    Cause.TLS_NOT_YET_VALID: ("certificate not valid yet", "certificat pas encore valide"),
    Cause.TLS_NAME_MISMATCH: ("certificate for another name", "certificat pour un autre nom"),
    Cause.TLS_UNTRUSTED: ("certificate not trusted", "certificat non reconnu"),
    Cause.TLS_HANDSHAKE: ("TLS handshake failed", "échec de la négociation TLS"),
    Cause.TLS_TIMEOUT: ("TLS handshake timed out", "délai de négociation TLS dépassé"),
    Cause.TLS_SELF_SIGNED: ("self-signed certificate", "certificat auto-signé"),
    Cause.HTTP_TIMEOUT: ("no answer in time", "pas de réponse à temps"),
    Cause.HTTP_STATUS_5XX: ("server error", "erreur du serveur"),
    Cause.HTTP_STATUS_4XX: ("page refused or not found", "page refusée ou introuvable"),
    Cause.HTTP_STATUS_UNEXPECTED: ("unexpected status", "statut inattendu"),
    Cause.HTTP_REDIRECT_LOOP: ("redirect loop", "boucle de redirections"),
    Cause.HTTP_TRUNCATED: ("answer cut short", "réponse tronquée"),
    Cause.HTTP_MALFORMED: ("malformed answer", "réponse mal formée"),
    Cause.HTTP_TOO_SLOW: ("too slow", "trop lent"),
    Cause.HTTP_NO_RESPONSE: ("connection closed without an answer", "connexion fermée sans réponse"),
    Cause.CDN_ORIGIN: ("CDN cannot reach the site", "site injoignable pour le CDN"),
    Cause.CDN_CHALLENGE: ("challenge page", "page de vérification"),
    Cause.RATE_LIMITED: ("rate limited", "débit limité"),
    Cause.CONTENT_MISSING: ("expected text missing", "texte attendu absent"),
    Cause.CONTENT_FORBIDDEN: ("forbidden text present", "texte interdit présent"),
    Cause.CONTENT_EMPTY: ("empty page", "page vide"),
    Cause.CONTENT_DATABASE_ERROR: ("database error page", "page d’erreur de base de données"),
    Cause.CONTENT_FATAL_ERROR: ("fatal error page", "page d’erreur fatale"),
    Cause.CONTENT_MAINTENANCE_MODE: ("maintenance mode left on", "mode maintenance resté actif"),
    Cause.CONTENT_DEFAULT_PAGE: ("default page instead of the site", "page par défaut à la place du site"),
    Cause.CONTENT_DRIFTED: ("page changed beyond recognition", "page devenue méconnaissable"),
    Cause.HEARTBEAT_SILENT: ("job did not report", "tâche sans nouvelles"),
    Cause.HEARTBEAT_FAILED: ("job failed", "tâche en échec"),
    Cause.TLS_PROTOCOL: ("no TLS version or cipher in common", "aucune version ni suite TLS en commun"),
    Cause.TLS_ALERT: ("TLS refused by the server", "TLS refusé par le serveur"),
    Cause.TLS_CHAIN_INCOMPLETE: ("intermediate certificate missing", "certificat intermédiaire manquant"),
    Cause.HTTP_BODY_TIMEOUT: ("page did not arrive in time", "page non reçue à temps"),
    Cause.HTTP_HEADERS_TOO_LARGE: ("headers too large", "en-têtes démesurés"),
    Cause.HTTP_TOO_MANY_REDIRECTS: ("too many redirects", "trop de redirections"),
    Cause.HTTP_REDIRECT_DOWNGRADE: ("redirected from https to http", "redirection de https vers http"),
    Cause.HTTP_REDIRECT_FORBIDDEN: ("redirected to a private address", "redirection vers une adresse privée"),
    Cause.CONTENT_INSTALLER: ("installer instead of the site", "page d’installation à la place du site"),
    Cause.CONTENT_PARKED: ("parked domain", "domaine parqué"),
    Cause.CONTENT_SUSPENDED: ("hosting account suspended", "compte d’hébergement suspendu"),
    Cause.AGENT_OVERLOADED: ("agent overloaded", "sonde surchargée"),
    Cause.AGENT_FAULT: ("agent's fault", "défaut de la sonde"),
}


def cause_phrase(cause: Cause, locale: str) -> str:
    """A few words that go behind a dash. English for a locale that is not in LOCALES."""
    return _PHRASES[cause][locale == "fr"]
