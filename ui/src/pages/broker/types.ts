/** What the NGSI-LD door gives, as far as these pages read it. */

export interface Entity {
  id: string;
  type: string | string[];
  [member: string]: unknown;
}

export interface Subscription {
  id: string;
  description?: string;
  status: string;
  entities?: { type?: string | string[]; id?: string | string[]; idPattern?: string }[];
  watchedAttributes?: string[];
  q?: string;
  notification: {
    endpoint: { uri: string };
    status?: string;
    timesSent?: number;
    timesFailed?: number;
    lastNotification?: string;
    lastSuccess?: string;
    lastFailure?: string;
  };
}

export interface Delivery {
  id: number;
  endpoint: string;
  createdAt: string;
  attempts: number;
  doneAt: string;
  result: string;
  notification: unknown;
}

export interface Context {
  URL: string;
  localId: string;
  kind: string;
  createdAt: string;
  lastUsage?: string;
  numberOfHits?: number;
}

/** The platform's own @context: its terms, and the IRIs that stand for others. */
export interface Vocabulary {
  address: string;
  terms: [string, string][];
  aliases: [string, string][];
}

export interface Attribute {
  id: string;
  attributeName: string;
  typeNames: string[];
}

/** Where a name falls that no @context defines. */
export const DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/";

export function typesOf(entity: { type?: string | string[] }): string {
  return Array.isArray(entity.type) ? entity.type.join(", ") : (entity.type ?? "");
}
