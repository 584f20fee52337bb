import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openSnapshots, publishTelemetry } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { aggregates, subjects, type TelemetryWindow } from '@conclave/contracts';
import type { World } from '@conclave/core';
import { rolloutEventOf } from '../facts.ts';
import { window } from '../testing/evidence.ts';
import { Simulation } from '../testing/simulation.ts';
