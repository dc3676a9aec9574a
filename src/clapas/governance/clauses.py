"""Model procurement clauses: data in real time, open formats, reversibility (Data Act, règlement (UE) 2023/2854)."""

CLAUSES = (
    (
        "Données en temps réel",
        (
            "Le titulaire livre à l’acheteur toutes les données produites par les équipements, brutes et décodées, au plus "
            "tard 60 secondes après leur réception, par un protocole ouvert et documenté (MQTT 3.1.1 ou 5, HTTPS, LoRaWAN), "
            "sans passer par un service payant du titulaire. Les données produites appartiennent à l’acheteur."
        ),
    ),
    (
        "Formats et décodeurs ouverts",
        (
            "Le titulaire remet la description complète des trames et le décodeur sous une licence libre, avec des exemples de "
            "trames et de valeurs attendues. Toute nouvelle version est remise trente jours avant son déploiement."
        ),
    ),
    (
        "Clés et identifiants",
        (
            "Les clés des équipements (AppKey, JoinEUI, DevEUI et équivalents) sont remises à l’acheteur à la livraison, sous forme "
            "chiffrée, et peuvent être changées par lui."
        ),
    ),
    (
        "Réversibilité",
        (
            "À tout moment et sans frais, l’acheteur obtient en quinze jours l’ensemble des données, de leur historique et des "
            "métadonnées dans des formats ouverts (CSV, Parquet, JSON). À la fin du marché, le titulaire efface les données et le "
            "prouve par écrit."
        ),
    ),
    (
        "Données personnelles",
        (
            "Le titulaire est sous-traitant au sens de l’article 28 du RGPD : traitement sur instruction, hébergement dans l’Union "
            "européenne, sous-traitants ultérieurs déclarés, notification d’une violation en 24 heures, aucune donnée d’identité sur "
            "le réseau de collecte."
        ),
    ),
    (
        "Sécurité",
        (
            "Le titulaire fournit la nomenclature logicielle (SBOM) de chaque version, corrige les vulnérabilités critiques en trente "
            "jours, et se prête aux audits de l’acheteur."
        ),
    ),
    (
        "Charte de la donnée",
        (
            "Le titulaire et ses sous-traitants appliquent la charte de la donnée annexée au marché. Un manquement constaté donne lieu "
            "aux pénalités prévues."
        ),
    ),
)
