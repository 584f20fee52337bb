import { aggregates, type InsightNote, type RoadmapEvent } from '@conclave/contracts';
import type { Clock, WorldWriter } from '@conclave/service';

/** Records an insight, once. @param seq its place in the inbox, which names one without an id */
export async function recordInsight(note: InsightNote, seq: number, writer: WorldWriter, clock: Clock): Promise<void> {
  const insightId = note.id ?? `insight-${seq}`;
  const { text, line, source } = note;
  const event: RoadmapEvent = {
    id: `roadmap.insight_recorded:${insightId}`,
    type: 'roadmap.insight_recorded',
    at: clock.now().toISOString(),
    data: { insightId, text, line, source },
  };
  await writer.commit(aggregates.roadmap, (world) =>
    world.roadmap.insights.some((i) => i.insightId === insightId) ? [] : [event],
  );
}
