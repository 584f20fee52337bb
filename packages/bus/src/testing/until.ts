/** Waits until `condition` gives something truthy and returns it. @throws when `deadlineMs` (default 20 000) have passed, naming `what`. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  deadlineMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain until: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
