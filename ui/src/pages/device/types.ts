/** A device of the fleet with its file, its health and its log. */

import type { Device } from "$ui/core/types";

export interface FleetDevice {
  device: Device;
  tags: Record<string, string>;
  gateway: string;
  file: {
    serial: string;
    address: string;
    site: string;
    service: string;
    supplier: string;
    contract: string;
    bought: string | null;
    warranty: string | null;
    yearly_cost: number | null;
    note: string;
    join_eui: string;
  };
  health: { battery_end: string | null; loss: number | null; drift_s: number | null; frozen: string; implausible: number | null };
}

export interface LogEvent {
  id: number;
  kind: string;
  at: string;
  actor: string;
  before: string;
  after: string;
  note: string;
  photo: boolean;
  name: string;
}

export interface Binding {
  channel: string;
  entity: string;
  attribute: string;
  quantity: string;
  scale: number;
  offset: number;
  start: string | null;
  end: string | null;
}

export interface Command {
  id: number;
  key: string;
  device_name: string;
  name: string;
  fr: string;
  en: string;
  f_port: number | null;
  payload: string;
  state: string;
  detail: string;
  created: string;
  expires: string;
  longest_s: number | null;
  mine: boolean;
}
