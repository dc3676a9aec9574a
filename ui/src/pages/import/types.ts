/** What the server found in a spreadsheet, and what the person decides. */

export interface Shape {
  format: string;
  encoding: string;
  separator: string;
  sheet: string;
  header: boolean;
}

export interface Received {
  number: number;
  name: string;
  preview: { shape: Shape; headers: string[]; columns: Record<string, number>; sample: string[][]; sheets: string[] };
  fields: string[];
}

export interface Report {
  lines: number;
  good: number;
  bad: number;
  created: number;
  updated: number;
  keys: number;
  codes: Record<string, number>;
}

export interface Line {
  line: number;
  column: string;
  code: string;
  value: string;
  hint: string;
  bad: boolean;
}

export interface ImportRecord {
  id: number;
  name: string;
  state: string;
  report: Partial<Report>;
  created: string;
  applied: string | null;
}
