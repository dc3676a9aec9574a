/** What a QR code says of a device: LoRa Alliance TR005 ("LW:D0:JoinEUI:DevEUI:ProfileID:…"), or its id alone. */

export interface Scanned {
  key: string;
  joinEui: string;
}

export function readCode(text: string): Scanned | null {
  const parts = text.trim().split(":");
  if (parts[0] === "LW" && parts[1] === "D0" && parts.length >= 4) {
    const [joinEui, devEui] = [parts[2] ?? "", parts[3] ?? ""];
    return /^[0-9A-F]{16}$/i.test(devEui) ? { key: devEui.toLowerCase(), joinEui: joinEui.toLowerCase() } : null;
  }
  const bare = text.trim().replace(/[-:\s]/g, "");
  if (/^[0-9A-F]{16}$/i.test(bare)) return { key: bare.toLowerCase(), joinEui: "" };
  return /^[^\s.*>/+#]{1,128}$/.test(text.trim()) ? { key: text.trim(), joinEui: "" } : null;
}

interface Detector {
  detect(image: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}

/** The browser's own reader of codes, where it has one. */
export function detector(): Detector | null {
  const made = (globalThis as { BarcodeDetector?: new (options: { formats: string[] }) => Detector }).BarcodeDetector;
  return made ? new made({ formats: ["qr_code", "data_matrix"] }) : null;
}
