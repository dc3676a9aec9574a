/** The way from nothing to a chart: each step is a value of "?etape=". */

export const STEPS = ["commune", "porte", "reglages", "appareil", "lieu"] as const;
export type Step = (typeof STEPS)[number];

export const DOORS = ["lorawan", "chirpstack", "tts", "mqtt", "http", "csv"] as const;
export type Door = (typeof DOORS)[number];

/** The connectors behind each door, the usual one first. */
export const CONNECTORS: Record<Door, string[]> = {
  lorawan: ["lorawan"],
  chirpstack: ["chirpstack_v4", "chirpstack_v3"],
  tts: ["the_things_stack"],
  mqtt: ["mqtt_device"],
  http: ["http_push"],
  csv: ["csv_drop"],
};

export function isStep(text: string): text is Step {
  return (STEPS as readonly string[]).includes(text);
}

export function isDoor(text: string): text is Door {
  return (DOORS as readonly string[]).includes(text);
}
