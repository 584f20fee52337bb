import { linkSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const touchedEveryMs = 2_000;
const staleAfterMs = 30_000;

/**
 * Runs `work` while no other process holds the lock file, and returns its result. The holder touches the lock file; a file left
 * untouched, one whose process on this host is gone, or one that names no process is taken over.
 */
export async function withLock(path, work, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  await acquire(path, onWait);
  const timer = setInterval(() => touch(path), touchedEveryMs);
  const releaseOnExit = () => rmSync(path, { force: true });
  process.on('exit', releaseOnExit);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    process.off('exit', releaseOnExit);
    releaseOnExit();
  }
}

async function acquire(path, onWait) {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, host: hostname() }));
  try {
    for (let isTold = false; ; ) {
      // The lock is this very file: left as it was written, it would look abandoned after a long wait.
      touch(mine);
      if (link(mine, path)) return;
      const holder = read(path);
      if (!holder) continue;
      if (isStale(holder)) {
        if (removeStale(path, holder, mine)) continue;
      } else if (!isTold) {
        isTold = true;
        onWait(holder.pid);
      }
      await sleep(250);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when the file is gone. Made in one step, it names its holder from its first moment, or never will. */
function read(path) {
  try {
    return { ...parse(readFileSync(path, 'utf8')), touchedMs: statSync(path).mtimeMs };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isStale(holder) {
  if (typeof holder.pid !== 'number') return true;
  if (holder.host === hostname() && !isAlive(holder.pid)) return true;
  return Date.now() - holder.touchedMs > staleAfterMs;
}

/**
 * Removes a stale lock, unless it is another by now. Only the one process whose turn it is may: between the look of a second one and its
 * removal the first could let somebody in, and that lock would go. False when it is another's turn.
 */
function removeStale(path, stale, mine) {
  const turn = `${path}.takeover`;
  if (!link(mine, turn)) {
    const other = read(turn);
    if (other && isStale(other)) rmSync(turn, { force: true });
    return false;
  }
  try {
    const holder = read(path);
    if (holder && holder.pid === stale.pid && holder.touchedMs === stale.touchedMs) rmSync(path, { force: true });
  } finally {
    rmSync(turn, { force: true });
  }
  return true;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // The lock was taken over after a long suspension of this process; the steps themselves are safe to repeat.
  }
}
