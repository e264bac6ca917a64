// Names for rows. Not `crypto.randomUUID`: it is missing where the page comes over plain HTTP from another machine.

/** Give a new id: 128 random bits, in hexadecimal. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
