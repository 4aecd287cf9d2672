package pipeline

func SumOfOneDay(cents ...int64) ([]DailySummary, error) {
	sales := dailySales{days: map[int64]*DailySummary{}}
	for _, one := range cents {
		if err := sales.add(sale{cents: one}); err != nil {
			return nil, err
		}
	}
	return sales.summaries(), nil
}
