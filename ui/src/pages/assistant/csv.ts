/** A CSV file as French offices write them: ";" or ",", decimal comma, dates day first; as messages for the HTTP door. */

export interface CsvMessage {
  device: string;
  time?: string;
  values: Record<string, number | string>;
}

export interface CsvRead {
  columns: string[];
  messages: CsvMessage[];
  /** Lines that cannot be read: their number in the file and why, as a code. */
  bad: { line: number; why: "columns" | "time" | "device" | "values" }[];
}

function cells(line: string, separator: string): string[] {
  const found: string[] = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const letter = line[at];
    if (letter === '"' && quoted && line[at + 1] === '"') cell += line[++at];
    else if (letter === '"') quoted = !quoted;
    else if (letter === separator && !quoted) {
      found.push(cell.trim());
      cell = "";
    } else cell += letter;
  }
  return [...found, cell.trim()];
}

function timeOf(text: string): string | null {
  const french = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  const date = french
    ? new Date(Number(french[3]), Number(french[2]) - 1, Number(french[1]), Number(french[4] ?? 0), Number(french[5] ?? 0), Number(french[6] ?? 0))
    : new Date(text);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function valueOf(text: string): number | string {
  const number = Number(text.replace(/[\s\u00a0\u202f]/g, "").replace(",", "."));
  return Number.isFinite(number) ? number : text;
}

const DEVICE = /^(device|appareil|capteur|sensor|id|identifiant)$/i;
const TIME = /^(time|date|heure|horodatage|timestamp|date.?heure|measured)$/i;

export function readCsv(text: string, deviceOtherwise: string): CsvRead {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const head = lines[0] ?? "";
  const separator = [";", "\t", ","].sort((one, other) => head.split(other).length - head.split(one).length)[0] ?? ";";
  const columns = cells(head, separator);
  const device = columns.findIndex((name) => DEVICE.test(name));
  const time = columns.findIndex((name) => TIME.test(name));
  const read: CsvRead = { columns, messages: [], bad: [] };
  lines.slice(1).forEach((line, at) => {
    if (!line.trim()) return;
    const row = cells(line, separator);
    const bad = (why: CsvRead["bad"][number]["why"]): void => void read.bad.push({ line: at + 2, why });
    if (row.length !== columns.length) return bad("columns");
    const moment = time >= 0 ? timeOf(row[time] ?? "") : undefined;
    if (moment === null) return bad("time");
    const key = (device >= 0 ? row[device] : deviceOtherwise) ?? "";
    if (!key) return bad("device");
    const values: CsvMessage["values"] = {};
    columns.forEach((name, column) => {
      if (column !== device && column !== time && row[column]) values[name] = valueOf(row[column] ?? "");
    });
    if (Object.keys(values).length === 0) return bad("values");
    read.messages.push({ device: key, ...(moment ? { time: moment } : {}), values });
  });
  return read;
}
