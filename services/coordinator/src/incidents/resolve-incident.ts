import { ConclaveError, type IncidentEvent } from '@conclave/contracts';
import type { World } from '@conclave/core';
import type { Facts } from '../facts.ts';

/**
 * A person's word that an incident is over; nothing for one that is resolved.
 * @throws CVE_REQUEST_INVALID naming the open ones when there is no such incident
 */
export function decideResolve(
  world: World,
  request: { readonly incidentId: string; readonly reason: string; readonly by: string },
  { now, newId }: Facts,
): IncidentEvent[] {
  const { incidentId, reason, by } = request;
  const incident = world.incidents[incidentId];
  if (incident === undefined) {
    const open = Object.values(world.incidents).filter((i) => i.resolved === undefined);
    throw new ConclaveError(
      'CVE_REQUEST_INVALID',
      `there is no incident ${incidentId}; open ones: ${open.map((i) => i.incidentId).join(', ') || 'none'}`,
    );
  }
  if (incident.resolved !== undefined) return [];
  return [{ id: newId(), type: 'incident.resolved', at: now.toISOString(), data: { incidentId, by, reason } }];
}
