import { aggregates, type IncidentEvent } from '@conclave/contracts';
import type { Incident, World } from '@conclave/core';
import type { Clock, WorldWriter } from '@conclave/service';

/*
 * Incident reports that nobody can read. One of them may be a P0, so they hold every model until a person has looked:
 * 1. The first opens a P0 incident; each further one, while that is open, only counts. A flood opens one incident.
 * 2. The count is kept in memory and recorded at each doubling: a flood of a million makes twenty commits. After a change of leader it
 *    goes on from the last that was recorded.
 * 3. The originals are dead letters, which are stored after the incident stands: a crash between the two repeats both.
 */
export interface UnreadableReports {
  /**
   * @param key names this report among all, e.g. by its place in the stream
   * @returns the incident that holds
   */
  hold(reason: string, key: string): Promise<string>;
}

const PREFIX = 'unreadable-reports-';
const LONGEST_REASON = 3000;

export function unreadableReports(writer: WorldWriter, clock: Clock, world: () => World): UnreadableReports {
  let counted: { readonly incidentId: string; readonly count: number; readonly key: string } | undefined;

  const open = async (reason: string, key: string): Promise<string> => {
    const incidentId = `${PREFIX}${key}`;
    const event: IncidentEvent = {
      id: `incident.opened:${incidentId}`,
      type: 'incident.opened',
      at: clock.now().toISOString(),
      data: {
        incidentId,
        severity: 'P0',
        title: 'an incident report that cannot be read',
        detail: `${reason.slice(0, LONGEST_REASON)}\nIt may have been a P0, so it holds every model until somebody has looked: conclave dlq list`,
        source: 'coordinator',
      },
    };
    await writer.commit(aggregates.incident(incidentId), (now) =>
      openOne(now) === undefined && now.incidents[incidentId] === undefined ? [event] : [],
    );
    return openOne(world())?.incidentId ?? incidentId;
  };

  const count = async ({ incidentId, reports: recorded = 1 }: Incident, key: string): Promise<void> => {
    const isCounting = counted?.incidentId === incidentId ? counted : undefined;
    if (incidentId === `${PREFIX}${key}` || isCounting?.key === key) return;
    counted = { incidentId, count: (isCounting?.count ?? recorded) + 1, key };
    const data = { incidentId, count: counted.count };
    if (data.count < 2 * recorded) return;
    const event: IncidentEvent = {
      id: `incident.reported_again:${incidentId}:${data.count}`,
      type: 'incident.reported_again',
      at: clock.now().toISOString(),
      data,
    };
    await writer.commit(aggregates.incident(incidentId), (now) =>
      (now.incidents[incidentId]?.reports ?? 1) < data.count ? [event] : [],
    );
  };

  return {
    async hold(reason, key) {
      const holding = openOne(world());
      if (holding === undefined) return await open(reason, key);
      await count(holding, key);
      return holding.incidentId;
    },
  };
}

/** The one that is open. What somebody else reported under such a name, of less weight, holds nothing and does not count. */
function openOne({ incidents }: World): Incident | undefined {
  return Object.values(incidents).find(
    (i) => i.incidentId.startsWith(PREFIX) && i.resolved === undefined && i.severity === 'P0' && i.model === undefined,
  );
}
