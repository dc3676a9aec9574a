/** Passkeys: between the API's JSON (base64url) and the browser's credentials (bytes). */

import { api } from "./api";
import type { User } from "./types";

interface Asked {
  options: Record<string, unknown>;
  ticket: string;
}

/** Does this browser know passkeys, on this address? A bare IP address names nobody (Web Authentication §5.1.2). */
export const passkeys = "PublicKeyCredential" in window && window.isSecureContext && !/^[\d.:[\]]+$/.test(location.hostname);

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (each) => each.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

type Descriptor = { id: string; type: "public-key" };
const known = (found: unknown): PublicKeyCredentialDescriptor[] => ((found as Descriptor[] | undefined) ?? []).map((each) => ({ id: bytes(each.id), type: "public-key" }));

/** Make a passkey for the person signed in. */
export async function makePasskey(name: string): Promise<void> {
  const { options, ticket } = await api.post<Asked>("/me/passkeys/ask", {});
  const user = options.user as { id: string; name: string; displayName: string };
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge as string),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: known(options.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const answer = made.response as AuthenticatorAttestationResponse;
  const credential = {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: { clientDataJSON: text(answer.clientDataJSON), attestationObject: text(answer.attestationObject) },
  };
  await api.post("/me/passkeys", { ticket, credential, name });
}

/** Sign in with any passkey of this platform. */
export async function enterWithPasskey(): Promise<User> {
  const { options, ticket } = await api.post<Asked>("/session/passkey/ask", {});
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge as string),
    allowCredentials: known(options.allowCredentials),
  } as unknown as PublicKeyCredentialRequestOptions;
  const found = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const answer = found.response as AuthenticatorAssertionResponse;
  const credential = {
    id: found.id,
    rawId: text(found.rawId),
    type: found.type,
    response: {
      clientDataJSON: text(answer.clientDataJSON),
      authenticatorData: text(answer.authenticatorData),
      signature: text(answer.signature),
      userHandle: answer.userHandle ? text(answer.userHandle) : null,
    },
  };
  return api.post<User>("/session/passkey", { ticket, credential });
}
