import type { Quantity } from './quantity.ts';

export type Operator = '>=' | '<=' | '>' | '<' | '==';

/** What code can judge. */
export type Predicate =
  | { readonly kind: 'number'; readonly quantity: Quantity; readonly operator: Operator; readonly threshold: number }
  | { readonly kind: 'range'; readonly quantity: Quantity; readonly low: number; readonly high: number }
  | { readonly kind: 'stage'; readonly stage: string }
  | { readonly kind: 'evaluated' }
  | { readonly kind: 'deployed' }
  | { readonly kind: 'no_errors' }
  | { readonly kind: 'smoke_passed' }
  | { readonly kind: 'rollback_test_passed' }
  | { readonly kind: 'rolled_back' }
  | { readonly kind: 'slos_measured' }
  | { readonly kind: 'file_exists' }
  | { readonly kind: 'script_succeeded' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** A part of the text, and what it asks for. */
export interface Criterion {
  readonly text: string;
  readonly predicate: Predicate;
}
