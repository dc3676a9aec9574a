/** Who a thing belongs to, and its place among the others. */

export interface Related {
  relation: string;
  id: string;
  type: string;
  name: string;
  depth: number;
}

export interface EntityFile {
  file: { service: string; tags: Record<string, string>; actor: string; changed: string | null };
  relations: Record<string, string>;
  above: Related[];
  may_write: boolean;
}
