import type { Predicate } from './predicate.ts';

const SENTENCES: readonly (readonly [RegExp, Predicate])[] = [
  [/^(no|zero|without|0) errors?( (reported|logged|occurred|found))?$/, { kind: 'no_errors' }],
  [/^(all )?smoke[- ]?tests? (pass(es|ed)?|succeed(s|ed)?|(is|are) green|ok)$/, { kind: 'smoke_passed' }],
  [/^(all )?roll-?back[- ]?tests? (pass(es|ed)?|succeed(s|ed)?|ok)$/, { kind: 'rollback_test_passed' }],
  [/^((the )?(model|version|candidate) )?(is )?(successfully )?deployed( successfully)?$/, { kind: 'deployed' }],
  [/^deployment (succeeds|succeeded|successful|complete[sd]?)$/, { kind: 'deployed' }],
  [/^deploy_model returns (entered|already there|entered or already there)$/, { kind: 'deployed' }],
  [
    /^((the )?(model|version|candidate) )?(is )?rolled back$|^(the )?roll-?back (is )?(completed?s?|succeed(s|ed)|done|successful)$/,
    { kind: 'rolled_back' },
  ],
  [/^stable (serves|is serving)( (100%|all)( of)?( the)? traffic)?$/, { kind: 'rolled_back' }],
  [/^(the )?evaluation (is )?(completed?s?|succeed(s|ed)|done|runs)( successfully)?$/, { kind: 'evaluated' }],
  [
    /^(the )?comparison with stable shows no significant (loss|regression)$|^no significant loss (vs\.?|against|to) stable$/,
    { kind: 'number', quantity: 'ndcg_difference_low', operator: '>=', threshold: 0 },
  ],
  [/^(all )?\d+ smoke[- ]?test queries (return http 200|succeed|pass)$/, { kind: 'smoke_passed' }],
  [
    /^(all )?(latency and )?(slos?|metrics|slo metrics)( are)? (measured|collected|logged|recorded|reported)( and (measured|collected|logged|recorded|reported))?$/,
    { kind: 'slos_measured' },
  ],
  [/^(the )?file (exists|is present|found)$/, { kind: 'file_exists' }],
  [
    /^(the )?script (succeeds|succeeded|completes|completed|exits (with )?(code )?0)$|^exit code (is )?0$/,
    { kind: 'script_succeeded' },
  ],
];

/** The predicate of a statement without a comparison, as people write it. */
export function parseSentence(text: string): Predicate | undefined {
  const words = text.toLowerCase().replace(/\s+/g, ' ');
  const stage =
    /^(?:stage (?:is )?|deployed (?:to|in) |(?:model|version|candidate|(?:[a-z0-9-]+ )?v?\d[\w.+-]*) (?:is )?(?:deployed )?(?:to|in) )(shadow|production|(?:5|20|50)(?:%| percent|_percent))$/.exec(
      words,
    );
  if (stage?.[1] !== undefined) return { kind: 'stage', stage: stage[1].replace(/%| percent/, '_percent') };
  const least =
    /^(?:at least|>=|≥) (\d+) (?:live )?(?:requests|samples)(?: (?:are |were )?(?:collected|measured|answered|served))?$/.exec(
      words,
    );
  if (least?.[1] !== undefined)
    return { kind: 'number', quantity: 'requests', operator: '>=', threshold: Number(least[1]) };
  return SENTENCES.find(([pattern]) => pattern.test(words))?.[1];
}
