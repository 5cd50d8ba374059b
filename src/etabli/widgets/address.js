// A page in a notebook has no address: nothing is kept in it.

export const readState = () => ({});
export function writeState() {}
export function onAddress(callback) {
  callback({});
}
