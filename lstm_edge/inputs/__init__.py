"""What users give: texts and what makes ids of them, arrays by name, labelled data of every source."""
