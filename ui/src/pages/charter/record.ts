/** A dataset's record as the API gives and takes it; steps and delays in seconds. */
export interface DatasetRecord {
  id: string;
  title: string;
  title_en: string;
  description: string;
  description_en: string;
  theme: string;
  keywords: string[];
  frequency: string;
  owner: string;
  steward: string;
  deputy: string;
  controller: string;
  processors: string[];
  classification: string;
  subjects: string[];
  categories: string[];
  purposes: { name: string; legal_basis: string; min_step: number; k: number; consent: boolean; audiences: string[] }[];
  retention: { step: number; days: number; then: string }[];
  pseudonymised: string;
  publication: { rule: string; k: number; dominance: number; by: string; delay: number };
  licence: string;
  exception: string;
  review: string | null;
  hvd: string;
  territory: string[];
  dpia: { status: string; reference: string; review: string | null };
  recipients: string[];
  min_step: number;
  masked: string[];
  group: string;
  version: number;
}

/** Categories of high-value data (Implementing Regulation (EU) 2023/138, annex), as the European vocabulary names them. */
export const HIGH_VALUE = {
  geospatial: "http://data.europa.eu/bna/c_ac64a52d",
  earth: "http://data.europa.eu/bna/c_dd313021",
  weather: "http://data.europa.eu/bna/c_164e0bf5",
  statistics: "http://data.europa.eu/bna/c_e1da4e07",
  companies: "http://data.europa.eu/bna/c_a9135398",
  mobility: "http://data.europa.eu/bna/c_b79e35eb",
};

/** A record that nobody has filled in yet. */
export const EMPTY: DatasetRecord = {
  id: "",
  title: "",
  title_en: "",
  description: "",
  description_en: "",
  theme: "",
  keywords: [],
  frequency: "",
  owner: "",
  steward: "",
  deputy: "",
  controller: "",
  processors: [],
  classification: "restreint",
  subjects: [],
  categories: [],
  purposes: [],
  retention: [],
  pseudonymised: "",
  publication: { rule: "none", k: 0, dominance: 0.85, by: "commune", delay: 0 },
  licence: "",
  exception: "",
  review: null,
  hvd: "",
  territory: [],
  dpia: { status: "not_required", reference: "", review: null },
  recipients: [],
  min_step: 0,
  masked: [],
  group: "",
  version: 0,
};

/** What the group of a record holds in its dataset now. */
export interface Members {
  devices: number;
  things: number;
}
