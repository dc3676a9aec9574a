/** The shapes that the public API gives; one place, so that a change of the API is one change here. */

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface User {
  kind: string;
  id: string | number;
  name: string;
  /** What the person types to sign in. */
  login?: string;
  roles: string[];
  language?: string;
  service?: string;
  /** What the person may declare that they read personal data for. */
  purposes?: string[];
  must_set_password?: boolean;
  /** What the charter lets them do, as "action kind": menus and forms that would be refused are not shown. */
  may?: string[];
}

export interface Platform {
  version: string;
  territory: { name: string; siren: string; timezone: string; bbox: [number, number, number, number] | null };
  simulated: boolean;
  languages: string[];
  started: string;
}

export interface LedgerCounts {
  received: number;
  stored: number;
  duplicate: number;
  rejected: number;
  in_flight: number;
  balanced: boolean;
}

export interface LedgerLog extends LedgerCounts {
  log: number;
  name: string;
  first: number;
  last: number;
  checked_at: string;
}

export interface LedgerSource {
  source: string;
  stored: number;
  duplicate: number;
  rejected: number;
  reasons: Record<string, number>;
}

export interface Ledger extends LedgerCounts {
  logs: LedgerLog[];
  by_source: LedgerSource[];
}

export type SourceState = "ok" | "waiting" | "late" | "error" | "off";

export interface Source {
  name: string;
  kind: string;
  title: string;
  enabled: boolean;
  state: SourceState;
  last_message: string | null;
  messages_24h: number;
  rejects_24h: number;
  detail: string;
  settings: Record<string, unknown>;
}

export interface Engine {
  name: string;
  mode: string;
  ok: boolean;
  detail: string;
  since: string | null;
}

export interface Wrong {
  kind: string;
  severity: string;
  title_code: string;
  values: Record<string, string | number>;
  link: string;
  since: string | null;
}

export interface AlarmTotal {
  severity: string;
  active: number;
  unacknowledged: number;
  mine: number;
  open: number;
}

export interface Home {
  ledger: Ledger;
  alarms: AlarmTotal[];
  engines: Engine[];
  sources: Source[];
  freshness: { devices: number; seen_1h: number; late: number; silent: number };
  wrong: Wrong[];
  rates: { messages_per_minute: number[] };
}

export interface Reject {
  id: string | number;
  log: number;
  sequence: number;
  source: string;
  device: string;
  reason: string;
  detail: string;
  received: string;
  preview_hex: string;
  preview_text: string;
}

export type DeviceState = "online" | "late" | "silent" | "never";

export interface Device {
  id: string | number;
  key: string;
  name: string;
  model: string;
  model_label: string;
  source: string;
  lifecycle: string;
  commune: string;
  longitude: number | null;
  latitude: number | null;
  last_seen: string | null;
  state: DeviceState;
  rssi: number | null;
  snr: number | null;
  battery_level: number | null;
}

export interface Frame {
  log: number;
  sequence: number;
  received: string;
  measured: string | null;
  f_port: number | null;
  f_cnt: number | null;
  payload_hex: string;
  raw_text: string;
  radio: { gateway: string; rssi: number | null; snr: number | null }[];
  frequency_hz: number | null;
  data_rate: string;
  codec: string | number;
  outcome: string;
  reason: string;
  observations: number;
}

export type EntityState = "ok" | "late" | "silent" | "alarm";

export interface Headline {
  attribute: string;
  quantity: string;
  value: unknown;
  unit: string;
  measured: string | null;
  quality: number;
}

export interface Entity {
  id: string;
  type: string;
  name: string;
  longitude: number | null;
  latitude: number | null;
  commune: string;
  simulated: boolean;
  updated: string | null;
  state: EntityState;
  headline: Headline | null;
  alarm?: { severity: string; count: number } | null;
}

export interface Attribute {
  attribute: string;
  quantity: string;
  series: number;
  value: unknown;
  unit: string;
  measured: string | null;
  received: string | null;
  quality: number;
  label_fr: string;
  label_en: string;
  device: string;
  shown_scale: number;
  shown_unit: string;
  decimals: number;
}

export interface EntityFull extends Entity {
  attributes: Attribute[];
  relations: Record<string, string>;
  devices: { device: string; channel: string; attribute: string; start: string | null; end: string | null }[];
}

export interface EntityMap {
  ids: string[];
  types: string[];
  longitudes: number[];
  latitudes: number[];
  states: string[];
  values: (number | null)[];
  /** What the server's answer says to give as ``since`` next time; points of another kind have none. */
  asked?: number;
}

/** The map gathered by the server: what stands alone has an id. */
export interface MapClusters {
  longitudes: number[];
  latitudes: number[];
  counts: number[];
  worst: string[];
  ids: string[];
  states: Record<string, number>;
}

export interface EntityType {
  type: string;
  count: number;
  label_fr: string;
  label_en: string;
}

export interface Quantity {
  key: string;
  /** The NGSI-LD attribute name. */
  ngsi: string;
  unit: string;
  kind: "instant" | "total" | "increasing";
  /** The plausible range, in the quantity's own unit. */
  low: number;
  high: number;
  fr: string;
  en: string;
  shown_scale: number;
  shown_unit: string;
  decimals: number;
}

export interface Model {
  id: string;
  label?: string;
  maker?: string;
}

export interface History {
  series: number;
  entity: string;
  attribute: string;
  quantity: string;
  unit: string;
  step: string | number;
  times: number[];
  values: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  counts?: number[];
  qualities?: number[];
  licence?: string;
  source?: string;
}

export interface Provenance {
  value: unknown;
  quality: number;
  codec: string | number;
  frame: Frame | null;
}

export interface Guess {
  model: string;
  codec: string | { kind: string; name: string; version: number };
  readings: { channel: string; value: unknown; quantity: string; unit: string }[];
  confidence: number;
}

export interface Waiting {
  device: Device;
  frame: Frame | null;
}

export interface DeviceToken {
  username: string;
  token: string;
  publish: string[];
  subscribe: string[];
}

export interface ServiceKey {
  id: string | number;
  name: string;
  scopes: string[];
  created?: string | null;
  expires?: string | null;
  last_used?: string | null;
  secret?: string;
}

/** A frame of the live log; what is at its default is left out. ``at`` in milliseconds since 1970 UTC. */
export interface AirFrame {
  at: number;
  direction: "up" | "down";
  kind: string;
  outcome: string;
  gateway?: string;
  gateways?: number;
  device?: string;
  dev_addr?: string;
  f_cnt?: number | null;
  f_port?: number | null;
  frequency?: number;
  data_rate?: string;
  rssi?: number | null;
  snr?: number | null;
  size?: number;
  phy?: string;
}
