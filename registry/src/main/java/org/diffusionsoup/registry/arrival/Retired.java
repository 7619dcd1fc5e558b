package org.diffusionsoup.registry.arrival;

import java.util.List;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * A retirement.
 *
 * @param entry its number
 * @param soups current ones that hold the ingredient until they are made again
 */
public record Retired(long entry, IngredientRow ingredient, List<SoupRow> soups) {}
