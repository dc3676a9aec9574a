"""The parts of the security file that are true of every installation: flows, cryptography, logs, risks."""

ARCHITECTURE = (
    "Un processus parent (`clapas up`) tient le répertoire de données, surveille les moteurs et les rôles, et ne fait rien d’autre.",
    (
        "Rôles : `web` (page, API, NGSI-LD, droits MQTT), `pipeline` (chemin des messages), `jobs` (travaux longs), `rules` (alarmes), "
        "et selon les réglages `sources`, `lorawan`, `keeping` (sauvegardes). Un rôle reçoit adresses et secrets par son entrée standard, "
        "jamais par argument ni environnement."
    ),
    (
        "Moteurs : PostgreSQL (registre, droits, charte, journal d’audit), ClickHouse (trames brutes, historique), NATS JetStream (journal "
        "durable, MQTT des objets). Embarqués, ils n’écoutent que la boucle locale ou un socket ; externes, ils sont ceux des réglages."
    ),
    (
        "Toute sortie (page, API, NGSI-LD, export, direct, MQTT) pose la même question, `decide(qui, action, chose, contexte)`, et applique ses "
        "obligations ; ce qu’aucun article ne permet est refusé."
    ),
    "Secrets hors base dans `secrets/` du répertoire de données (poivre, coffre, flotte), lisibles du seul compte de service.",
)
FLOWS = (
    (
        "page et API",
        "entrant",
        "HTTPS (port choisi)",
        "session, clé de service, jeton court",
        "article par appel",
    ),
    (
        "NGSI-LD",
        "entrant",
        "HTTPS, même port",
        "session, clé, ou ouvert selon la charte",
        "article et filtre de lignes",
    ),
    (
        "MQTT des objets",
        "entrant",
        "MQTT 3.1.1 (TLS par le frontal)",
        "jeton de l’objet",
        "ses propres sujets",
    ),
    (
        "MQTT des applications",
        "sortant",
        "MQTT 3.1.1",
        "clé de l’application",
        "`out/<application>/#`",
    ),
    (
        "LoRaWAN",
        "entrant",
        "UDP Semtech, Basics Station (WebSocket)",
        "clé de passerelle",
        "passerelles connues",
    ),
    (
        "messages aux agents",
        "sortant",
        "SMTP STARTTLS, webhooks signés",
        "compte du serveur",
        "destinataires choisis",
    ),
    (
        "annuaires et fournisseurs d’identité",
        "sortant",
        "LDAPS, HTTPS",
        "secret du client",
        "ceux des réglages",
    ),
    (
        "moteurs embarqués",
        "interne",
        "boucle locale ou socket",
        "mot de passe par démarrage",
        "aucun accès distant",
    ),
)
CRYPTOGRAPHY = (
    ("mots de passe", "argon2id, 46 Mio, une passe", "RFC 9106 ; OWASP, Password Storage"),
    (
        "clés, sessions, jetons d’objets",
        "256 bits aléatoires, HMAC-SHA-256 avec poivre hors base",
        "RFC 2104",
    ),
    ("jetons courts", "JWT HS256, dix minutes", "RFC 7519"),
    (
        "second facteur",
        "TOTP SHA-1 6 chiffres, secret en AES-256-GCM ; WebAuthn",
        "RFC 6238 ; W3C WebAuthn 2",
    ),
    (
        "fournisseurs d’identité",
        "RS256, ES256 ; XML-DSig SHA-256",
        "OpenID Connect Core ; SAML 2.0",
    ),
    (
        "coffre des identités",
        "AES-256-GCM, clé à part dans le répertoire de données",
        "NIST SP 800-38D",
    ),
    ("journal d’audit", "chaîne SHA-256", "recommandation CNIL journalisation 2021"),
    (
        "transport",
        "TLS 1.2 au moins, par le frontal ou le certificat fourni",
        "ANSSI, recommandations TLS",
    ),
    ("sauvegardes", "chiffrées et authentifiées, clé à part", "voir le guide d’exploitation"),
)
LOGS = (
    "Journaux techniques des rôles et des moteurs dans le répertoire de données, sans secret ni valeur.",
    "Journal d’audit en base, en ajout seul (déclencheurs), chaîné, vérifié par `clapas audit verify`.",
    "Les lectures du journal sont elles-mêmes journalisées ; adresses tronquées.",
)
RISKS = (
    (
        "un administrateur de la base réécrit toute la chaîne d’audit",
        "ajout seul, chaîne, vérification",
        "la tête n’est pas signée par un tiers : la noter ailleurs chaque jour",
    ),
    (
        "vol du répertoire de données",
        "fichiers privés, poivre et clés hors base",
        "le chiffrement du disque relève de l’hébergeur",
    ),
    (
        "compromission d’un compte d’exploitant",
        "second facteur, verrouillage, bris de glace à deux",
        "le second facteur n’est pas imposé à tous : l’exiger par la charte",
    ),
    (
        "dépassement bref d’un quota entre processus",
        "compteurs partagés plusieurs fois par seconde",
        "une fraction de seconde de dépassement",
    ),
    (
        "réidentification par croisement de plusieurs tableaux publiés",
        "k, dominance, suppression secondaire et stable",
        "chaque tableau est traité seul",
    ),
    (
        "radio LoRaWAN brouillée ou rejouée",
        "compteurs de trames, MIC, doublons refusés",
        "le brouillage n’est pas empêché, il se voit",
    ),
)
