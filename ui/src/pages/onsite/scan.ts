/** What a QR code says of a device: LoRa Alliance TR005 ("LW:D0:JoinEUI:DevEUI:ProfileID:S…"), or its id alone. */

export interface Scanned {
  key: string;
  joinEui: string;
  serial: string;
}

const EUI = /^[0-9A-F]{16}$/i;
/** Longest side of the pictures that are looked at, from the quickest to the finest. */
const SIDES = [800, 1600];

export function readCode(text: string): Scanned | null {
  const parts = text.trim().split(":");
  if (parts[0]?.toUpperCase() === "LW" && parts[1]?.toUpperCase() === "D0" && parts.length >= 4) {
    const [joinEui, devEui] = [parts[2] ?? "", parts[3] ?? ""];
    const serial = parts.slice(5).find((each) => each.startsWith("S"))?.slice(1) ?? "";
    return EUI.test(devEui) ? { key: devEui.toLowerCase(), joinEui: joinEui.toLowerCase(), serial } : null;
  }
  const bare = text.trim().replace(/[-:\s]/g, "");
  if (EUI.test(bare)) return { key: bare.toLowerCase(), joinEui: "", serial: "" };
  return /^[^\s.*>/+#]{1,128}$/.test(text.trim()) ? { key: text.trim(), joinEui: "", serial: "" } : null;
}

interface Detector {
  detect(image: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}

/** The browser's own reader of codes, where it has one. */
function detector(): Detector | null {
  const made = (globalThis as { BarcodeDetector?: new (options: { formats: string[] }) => Detector }).BarcodeDetector;
  return made ? new made({ formats: ["qr_code", "data_matrix"] }) : null;
}

/** The text of the code on a photo, null when none is found; read by the browser, else by a library of our own. */
export async function readPhoto(file: File): Promise<string | null> {
  const picture = await createImageBitmap(file);
  const found = await detector()
    ?.detect(picture)
    .catch(() => []);
  if (found?.[0]) return found[0].rawValue;
  const { decodeQR } = await import("qr/decode.js");
  for (const side of SIDES) {
    try {
      return decodeQR(pixels(picture, side));
    } catch {
      // No code at this size: the finer picture may show it.
    }
  }
  return null;
}

function pixels(picture: ImageBitmap, side: number): ImageData {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
