/** The radio network as the API tells it. */

/** What the name of a multicast group begins with where a device could stand. */
export const GROUP = "multicast/";

export interface Network {
  running: boolean;
  counts: Record<string, number>;
  rejected: Record<string, number>;
  doors: Doors | null;
}

/** What a gateway must be told; a port is null where the door is closed. */
export interface Doors {
  region: string;
  host: string;
  reach: "machine" | "network" | "address";
  udp_port: number | null;
  station_port: number | null;
  station_tls: boolean;
  station_proof: "nothing" | "token" | "certificate";
  unknown_gateways: boolean;
  /** In Hz. */
  channels: number[];
}

/** Names by which only the machine itself is called. */
export const HERE = ["localhost", "127.0.0.1", "::1", "[::1]"];

export interface Gateway {
  id: string;
  name: string;
  longitude: number | null;
  latitude: number | null;
  last_seen: string | null;
  state: "online" | "silent" | "never";
  door: string;
  address: string;
  uplinks: number;
  ours: number;
  crc_errors: number;
  downlinks: number;
  downlink_errors: Record<string, number>;
  placed_by_itself: boolean;
  noise: number | null;
  temperature: number | null;
  forwarded_share: number | null;
  gps: boolean;
  /** Share of the hour's allowance that is spent, by the low bound of the band in Hz. */
  duty_cycle: Record<string, number>;
}

export interface FailedJoin {
  reason: string;
  at: number;
  gateway: string;
  device: string;
  detail: string;
  name: string;
  registered: boolean;
}

export interface Downlink {
  device: string;
  id: string;
  f_port: number;
  data: string;
  confirmed?: boolean;
  priority?: number;
  state?: string;
  reason?: string;
  attempts?: number;
  created?: number;
  changed?: number;
  expires?: number;
}

export interface Cell {
  longitude: number;
  latitude: number;
  devices: number;
  frames: number;
  gateways: number;
  rssi: number;
  snr: number;
}

/** The fullest band of a gateway: [Hz, share], or null when it sent nothing. */
export function fullest(gateway: Gateway): [number, number] | null {
  const bands = Object.entries(gateway.duty_cycle).map(([band, share]): [number, number] => [Number(band), share]);
  return bands.sort((one, other) => other[1] - one[1])[0] ?? null;
}

export const megahertz = (hertz: number): string => (hertz / 1e6).toFixed(1);
