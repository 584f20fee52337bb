/** Nobody can tell whether the effect happened; the action ends `uncertain`. */
export class UncertainEffect extends Error {}
